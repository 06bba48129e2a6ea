// Sockets: addresses, stale sockets, reading by count, fds, and peers that do not read.
#include "platform/socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace hesper::platform {
namespace {

class ListenerTest : public testing::Test {
 protected:
  ListenerTest() {
    std::string pattern = "/tmp/hesper-test-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~ListenerTest() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path directory_;
};

TEST_F(ListenerTest, AcceptsAClientAndKnowsItsProcess) {
  auto listener = Listener::at(directory_ / "socket");
  ASSERT_TRUE(listener) << listener.error().message;
  auto client = connect_to(listener->path());
  ASSERT_TRUE(client);
  auto accepted = listener->accept();
  ASSERT_TRUE(accepted);
  EXPECT_EQ(peer_process(accepted->get()).value_or(::getpid()), ::getpid());  // not every system tells
  const std::array sent{std::byte{7}};
  std::array<std::byte, 1> received{};
  EXPECT_TRUE(send_all(client->get(), sent));
  EXPECT_EQ(receive_exactly(accepted->get(), received), Received::all);
  EXPECT_EQ(received, sent);
}

TEST_F(ListenerTest, AcceptDoesNotBlock) {
  auto listener = Listener::at(directory_ / "socket");
  ASSERT_TRUE(listener);
  const auto nobody = listener->accept();
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, EAGAIN);
}

TEST_F(ListenerTest, OnlyThisUserMayConnect) {
  auto listener = Listener::at(directory_ / "socket");
  ASSERT_TRUE(listener);
  struct stat info{};
  ASSERT_EQ(::stat(listener->path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(ListenerTest, RemovesItsPathAtTheEnd) {
  {
    ASSERT_TRUE(Listener::at(directory_ / "socket"));
  }
  EXPECT_FALSE(std::filesystem::exists(directory_ / "socket"));
}

TEST_F(ListenerTest, ASocketInUseIsAnError) {
  auto first = Listener::at(directory_ / "socket");
  ASSERT_TRUE(first);
  auto second = Listener::at(directory_ / "socket");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EADDRINUSE);
  EXPECT_TRUE(std::filesystem::exists(directory_ / "socket")) << "The first server's socket must survive.";
}

TEST_F(ListenerTest, AStaleSocketIsReplaced) {
  {
    auto dead = Listener::at(directory_ / "old");
    ASSERT_TRUE(dead);
    std::filesystem::rename(directory_ / "old", directory_ / "socket");
  }
  ASSERT_TRUE(std::filesystem::exists(directory_ / "socket"));
  EXPECT_TRUE(Listener::at(directory_ / "socket"));
}

TEST_F(ListenerTest, AFileThatIsNoSocketSurvives) {
  std::ofstream(directory_ / "file") << "precious";
  auto listener = Listener::at(directory_ / "file");
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, EADDRINUSE);
  EXPECT_TRUE(std::filesystem::exists(directory_ / "file"));
}

TEST_F(ListenerTest, ATooLongPathIsAnError) {
  auto listener = Listener::at(directory_ / std::string(200, 'x'));
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, ENAMETOOLONG);
}

TEST(Socket, ReadsByCountWhateverThePieces) {
  auto ends = create_socket_pair();
  ASSERT_TRUE(ends);
  std::thread writer([&] {
    for (int i = 0; i < 8; ++i) {
      const std::array piece{static_cast<std::byte>(i)};
      EXPECT_TRUE(send_all(ends->first.get(), piece));
      std::this_thread::yield();
    }
  });
  std::array<std::byte, 8> all{};
  EXPECT_EQ(receive_exactly(ends->second.get(), all), Received::all);
  EXPECT_EQ(all[7], std::byte{7});
  writer.join();
}

TEST(Socket, TellsAnEndFromABreak) {
  auto ends = create_socket_pair();
  ASSERT_TRUE(ends);
  const std::array<std::byte, 3> half{};
  EXPECT_TRUE(send_all(ends->first.get(), half));
  ends->first = UniqueFd();
  std::array<std::byte, 2> into{};
  EXPECT_EQ(receive_exactly(ends->second.get(), into), Received::all);
  EXPECT_EQ(receive_exactly(ends->second.get(), into), Received::broken);
  EXPECT_EQ(receive_exactly(ends->second.get(), into), Received::end);
}

TEST(Socket, AFdTravelsWithItsByte) {
  auto ends = create_socket_pair();
  ASSERT_TRUE(ends);
  const UniqueFd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(send_fd(ends->first.get(), file.get()));
  auto received = receive_fd(ends->second.get());
  ASSERT_TRUE(received) << received.error().message;
  struct stat sent{};
  struct stat got{};
  ASSERT_EQ(::fstat(file.get(), &sent), 0);
  ASSERT_EQ(::fstat(received->get(), &got), 0);
  EXPECT_EQ(sent.st_rdev, got.st_rdev);
  EXPECT_NE(::fcntl(received->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Socket, AByteWithoutFdIsAnError) {
  auto ends = create_socket_pair();
  ASSERT_TRUE(ends);
  const std::array<std::byte, 1> byte{};
  EXPECT_TRUE(send_all(ends->first.get(), byte));
  EXPECT_FALSE(receive_fd(ends->second.get()));
}

TEST(Socket, APeerThatDoesNotReadIsAnErrorAndNotAWait) {
  auto ends = create_socket_pair();
  ASSERT_TRUE(ends);
  const std::vector<std::byte> chunk(1 << 20);
  bool sent = true;
  for (int i = 0; sent && i < 64; ++i) sent = send_all(ends->first.get(), chunk);
  EXPECT_FALSE(sent);
}

TEST(Socket, SendingToAClosedPeerIsAnErrorAndNoSignal) {
  auto ends = create_socket_pair();
  ASSERT_TRUE(ends);
  ends->second = UniqueFd();
  const std::array<std::byte, 1> byte{};
  EXPECT_FALSE(send_all(ends->first.get(), byte));
  EXPECT_FALSE(send_fd(ends->first.get(), STDIN_FILENO));
}

TEST(Socket, KnowsWhetherBytesWait) {
  auto ends = create_socket_pair();
  ASSERT_TRUE(ends);
  EXPECT_FALSE(has_unread_bytes(ends->second.get()));
  const std::array<std::byte, 1> byte{};
  EXPECT_TRUE(send_all(ends->first.get(), byte));
  EXPECT_TRUE(has_unread_bytes(ends->second.get()));
}

TEST(Socket, APartIsWhatIsThere) {
  auto ends = create_socket_pair();
  ASSERT_TRUE(ends);
  std::array<std::byte, 4> into{};
  auto part = receive_part(ends->second.get(), into, kMaxReceivedFds);
  EXPECT_EQ(part.size, 0U);
  EXPECT_FALSE(part.closed);
  const std::array<std::byte, 6> bytes{};
  EXPECT_TRUE(send_all(ends->first.get(), bytes));
  EXPECT_EQ(receive_part(ends->second.get(), into, kMaxReceivedFds).size, 4U);
  EXPECT_EQ(receive_part(ends->second.get(), into, kMaxReceivedFds).size, 2U);
  ends->first = UniqueFd();
  part = receive_part(ends->second.get(), into, kMaxReceivedFds);
  EXPECT_EQ(part.size, 0U);
  EXPECT_TRUE(part.closed);
}

TEST(Socket, APartBringsItsFds) {
  auto ends = create_socket_pair();
  ASSERT_TRUE(ends);
  const UniqueFd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(send_fd(ends->first.get(), file.get()));
  std::array<std::byte, 4> into{};
  const auto part = receive_part(ends->second.get(), into, 1);
  EXPECT_EQ(part.size, 1U);
  EXPECT_FALSE(part.fds_lost);
  ASSERT_EQ(part.fds.size(), 1U);
  EXPECT_NE(::fcntl(part.fds[0].get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Socket, APartSaysWhenFdsAreLost) {
  auto ends = create_socket_pair();
  ASSERT_TRUE(ends);
  const UniqueFd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(send_fd(ends->first.get(), file.get()));
  std::array<std::byte, 4> into{};
  const auto part = receive_part(ends->second.get(), into, 0);
  EXPECT_EQ(part.size, 1U);
  EXPECT_TRUE(part.fds_lost);
  EXPECT_TRUE(part.fds.empty());
}

}  // namespace
}  // namespace hesper::platform
