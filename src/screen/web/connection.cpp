// Connection: HTTP on one TCP connection, as a coroutine.
#include "screen/web/connection.h"

#include <fmt/format.h>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "gpu/protocol.h"
#include "screen/web/metrics.h"
#include "screen/web/page_files.h"

namespace hesper::screen::web {
namespace {

namespace http = beast::http;

// Of one connection, so that even one with a token ends some time.
constexpr int kMostRequests = 1000;

constexpr std::string_view kPlain = "text/plain; charset=utf-8";

// Nothing but what this server itself gives out, and no page around this one.
constexpr std::string_view kContentPolicy =
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string_view field(const Request& request, http::field name) { return request[name]; }

http::status status_of(Refusal reason) {
  switch (reason) {
    case Refusal::no_token:
    case Refusal::wrong_token: return http::status::unauthorized;
    case Refusal::foreign_host: return http::status::misdirected_request;
    case Refusal::foreign_origin: return http::status::forbidden;
    case Refusal::too_many_connections:
    case Refusal::too_many_viewers: return http::status::service_unavailable;
    case Refusal::too_slow: return http::status::request_timeout;
    case Refusal::bad_request:
    case Refusal::bad_message: return http::status::bad_request;
  }
  return http::status::bad_request;
}

std::string_view sentence_of(Refusal reason) {
  switch (reason) {
    case Refusal::no_token: return "This needs a token: open the address that hesper printed.";
    case Refusal::wrong_token: return "This token is wrong: open the address that hesper printed last.";
    case Refusal::foreign_host: return "This server is not known by the name in the Host header.";
    case Refusal::foreign_origin: return "Pages of other servers may not open this.";
    case Refusal::too_many_viewers: return "There are as many viewers as allowed.";
    default: return "The request cannot be understood.";
  }
}

std::string peer_name(const tcp::endpoint& peer) {
  return peer.address().is_v6() ? fmt::format("[{}]:{}", peer.address().to_string(), peer.port())
                                : fmt::format("{}:{}", peer.address().to_string(), peer.port());
}

}  // namespace

struct Connection::Answer {
  http::status status = http::status::ok;
  std::string_view type = kPlain;
  std::string body;
  bool close = false;
};

Connection::Connection(Hall& hall, tcp::socket socket, asio::ssl::context* tls)
    : hall_(hall), transport_(std::make_shared<Transport>(std::move(socket), tls)) {
  error_code error;
  const auto peer = transport_->stream().socket().remote_endpoint(error);
  if (!error) {
    peer_ = peer_name(peer);
    from_here_ = peer.address().is_loopback();
  }
  ++hall_.connections_ever;
  place_ = hall_.connections.insert(hall_.connections.end(), this);
}

Connection::~Connection() { hall_.connections.erase(place_); }

asio::awaitable<void> Connection::run() {
  const auto self = shared_from_this();
  // One limit for all of a request: a byte now and then does not extend it.
  transport_->stream().expires_after(hall_.options.limits.request_time);
  if (const auto error = co_await transport_->handshake(); error) {
    if (error == beast::error::timeout) hall_.refusals.count(Refusal::too_slow, peer_);
    co_return;
  }
  beast::flat_buffer buffer(hall_.options.limits.header_bytes);
  for (int requests = 0; requests < kMostRequests; ++requests) {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(hall_.options.limits.header_bytes));
    transport_->stream().expires_after(hall_.options.limits.request_time);
    const auto [error, size] = co_await http::async_read(*transport_, buffer, parser, kAwait);
    if (error == beast::error::timeout) {
      // Of a connection that is kept for a next request nobody says that it is slow.
      if (requests == 0 || parser.got_some()) hall_.refusals.count(Refusal::too_slow, peer_);
      co_return;
    }
    if (error == http::error::end_of_stream || error == asio::error::connection_reset ||
        error == asio::error::operation_aborted || error == asio::ssl::error::stream_truncated)
      break;
    if (error) {
      Answer answer = refuse(Refusal::bad_request);
      answer.close = true;
      if (error == http::error::header_limit || error == http::error::buffer_overflow)
        answer.status = http::status::request_header_fields_too_large;
      if (error == http::error::body_limit || error == http::error::unexpected_body)
        answer.status = http::status::payload_too_large;
      (void)co_await send({}, std::move(answer));
      break;
    }
    if (!co_await serve(parser.release())) break;
  }
  // A viewer has ended on its own terms.
  if (!became_viewer_) transport_->end_sending();
}

asio::awaitable<bool> Connection::serve(const Request& request) {
  if (!beast::websocket::is_upgrade(request)) co_return co_await send(request, answer_to(request));
  Role role = Role::none;
  if (auto answer = against_viewer(request, role)) co_return co_await send(request, std::move(*answer));
  became_viewer_ = true;
  co_await std::make_shared<Viewer>(hall_, transport_, role, peer_)->run(request);
  co_return false;
}

Connection::Answer Connection::refuse(Refusal reason) {
  hall_.refusals.count(reason, peer_);
  return {.status = status_of(reason), .body = fmt::format("{}\n", sentence_of(reason))};
}

Role Connection::know(std::string_view token) {
  const Role role = hall_.tokens.role_of(token);
  if (role != Role::none) known_ = true;
  return role;
}

std::optional<Connection::Answer> Connection::against_viewer(const Request& request, Role& role) {
  const auto host = field(request, http::field::host);
  const auto protocols = field(request, http::field::sec_websocket_protocol);
  if (!is_our_host(host, hall_.options.names)) return refuse(Refusal::foreign_host);
  if (!is_our_origin(field(request, http::field::origin), host)) return refuse(Refusal::foreign_origin);
  if (path_of(request.target()) != "/stream" || !offers_protocol(protocols, kSubprotocol))
    return refuse(Refusal::bad_request);
  const auto token = offered_token(protocols);
  role = know(token);
  if (role == Role::none) return refuse(token.empty() ? Refusal::no_token : Refusal::wrong_token);
  if (hall_.viewers.size() >= hall_.options.limits.viewers) return refuse(Refusal::too_many_viewers);
  return std::nullopt;
}

Connection::Answer Connection::answer_to(const Request& request) {
  const std::string_view target = request.target();
  const auto path = path_of(target);
  if (!is_our_host(field(request, http::field::host), hall_.options.names)) return refuse(Refusal::foreign_host);
  if (request.method() != http::verb::get && request.method() != http::verb::head)
    return {.status = http::status::method_not_allowed, .body = "Only GET and HEAD are answered here.\n"};
  if (path == "/session") return session(request);
  if (path == "/metrics") {
    auto token = bearer_token(field(request, http::field::authorization));
    if (token.empty()) token = query_value(target, "token");
    if (know(token) == Role::none && (!token.empty() || !from_here_))
      return refuse(token.empty() ? Refusal::no_token : Refusal::wrong_token);
    return {.type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics_text(hall_)};
  }
  const PageFile* file = find_page_file(path);
  if (file == nullptr) return {.status = http::status::not_found, .body = "There is nothing here.\n"};
  Answer answer{.type = file->type, .body = std::string(file->content)};
  // The page itself is no secret, and says what is wrong with its token. Programs get to know it from the status.
  if (const auto token = query_value(target, "token"); !token.empty() && know(token) == Role::none) {
    hall_.refusals.count(Refusal::wrong_token, peer_);
    answer.status = http::status::unauthorized;
  }
  return answer;
}

// What the page asks first: whether its token is right, and what it may offer.
Connection::Answer Connection::session(const Request& request) {
  const auto token = bearer_token(field(request, http::field::authorization));
  const Role role = know(token);
  if (role == Role::none) return refuse(token.empty() ? Refusal::no_token : Refusal::wrong_token);
  const bool operates = role == Role::operator_;
  nlohmann::json json = {{"title", hall_.options.title},
                         {"protocol", kProtocolVersion},
                         {"view_only", !operates || hall_.input == nullptr},
                         {"viewers", hall_.viewers.size()},
                         {"room", hall_.viewers.size() < hall_.options.limits.viewers}};
  if (operates) json["view_token"] = hall_.tokens.view_only();
  return {.type = "application/json", .body = json.dump()};
}

asio::awaitable<bool> Connection::send(const Request& request, Answer answer) {
  http::response<http::string_body> response(answer.status, request.version() == 0 ? 11 : request.version());
  response.set(http::field::server, "hesper");
  response.set(http::field::content_type, answer.type);
  response.set(http::field::cache_control, "no-store");
  response.set("Content-Security-Policy", kContentPolicy);
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Referrer-Policy", "no-referrer");
  // Both together give the page a process of its own, and with that finer times: 20 us instead of 1 ms in Firefox.
  response.set("Cross-Origin-Opener-Policy", "same-origin");
  response.set("Cross-Origin-Embedder-Policy", "require-corp");
  response.set("Cross-Origin-Resource-Policy", "same-origin");
  if (answer.status == http::status::unauthorized) response.set(http::field::www_authenticate, "Bearer");
  if (answer.status == http::status::method_not_allowed) response.set(http::field::allow, "GET, HEAD");
  const bool keep = request.keep_alive() && !answer.close && request.version() != 0;
  response.keep_alive(keep);
  response.body() = std::move(answer.body);
  response.prepare_payload();
  transport_->stream().expires_after(hall_.options.limits.request_time);
  if (request.method() == http::verb::head) {
    http::response<http::empty_body> head(response.base());  // with the length that GET would have
    const auto [error, size] = co_await http::async_write(*transport_, head, kAwait);
    co_return !error && keep;
  }
  const auto [error, size] = co_await http::async_write(*transport_, response, kAwait);
  co_return !error && keep;
}

}  // namespace hesper::screen::web
