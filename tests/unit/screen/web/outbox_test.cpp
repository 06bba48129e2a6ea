// Outbox: what waits for a slow viewer.
#include "screen/web/outbox.h"

#include <gtest/gtest.h>

namespace hesper::screen::web {
namespace {

Message message(int number) { return {static_cast<std::byte>(number)}; }

TEST(Outbox, OnlyTheNewestOfAKindAndPicturesInOrder) {
  Outbox outbox;
  outbox.put_ordered({.frame = 1, .message = message(1)});
  outbox.put(Outbox::Latest::cursor, message(10));
  outbox.put_ordered({.frame = 2, .message = message(2)});
  outbox.put(Outbox::Latest::cursor, message(11));
  outbox.put(Outbox::Latest::cursor_shape, message(20));
  EXPECT_EQ(outbox.take()->message, message(20));  // shapes before what names them
  EXPECT_EQ(outbox.take()->message, message(11));
  EXPECT_EQ(outbox.take()->frame, 1u);
  EXPECT_EQ(outbox.take()->frame, 2u);
  EXPECT_FALSE(outbox.take());
}

TEST(Outbox, DropsPicturesAlone) {
  Outbox outbox;
  outbox.put_ordered({.frame = 1, .message = message(1)});
  outbox.put(Outbox::Latest::notice, message(10));
  outbox.drop_ordered();
  EXPECT_EQ(outbox.take()->message, message(10));
  EXPECT_FALSE(outbox.take());
}

}  // namespace
}  // namespace hesper::screen::web
