// The parts of Asio and Beast that need compiling only once.
#include "screen/web/asio.h"

#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
