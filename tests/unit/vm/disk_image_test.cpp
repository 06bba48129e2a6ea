// Headers of disk images, good and hostile.
#include "vm/disk_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "support/temporary_directory.h"

namespace hesper::vm {
namespace {

using testing::HasSubstr;

// A qcow2 header of version 3 with these fields.
std::string qcow2(std::uint64_t backing, std::uint8_t features) {
  std::string header = "QFI\xfb";
  header += std::string("\0\0\0\3", 4);
  for (int shift = 56; shift >= 0; shift -= 8) header += static_cast<char>(backing >> shift);
  header.resize(79, '\0');
  header += static_cast<char>(features);
  header.resize(512, '\0');
  return header;
}

Result<Disk::Format> recognise(const char* name, const std::string& header,
                               Disk::Format format = Disk::Format::automatic) {
  return recognise_format({.path = name, .format = format, .read_only = false}, std::as_bytes(std::span(header)));
}

TEST(DiskImage, FormatIsRecognised) {
  EXPECT_EQ(recognise("a.qcow2", qcow2(0, 0)), Disk::Format::qcow2);
  EXPECT_EQ(recognise("ubuntu.img", qcow2(0, 0)), Disk::Format::qcow2);
  EXPECT_EQ(recognise("a.img", std::string(512, '\0')), Disk::Format::raw);
  EXPECT_EQ(recognise("a.img", "QFI"), Disk::Format::raw);
  EXPECT_EQ(recognise("a.img", "QFI\xfb"), Disk::Format::raw);  // no whole header
}

TEST(DiskImage, ReferenceToAFileNeedsANameOrAWord) {
  for (const std::string& header : {qcow2(1, 0), qcow2(0, 4)}) {
    const auto refused = recognise("disk.img", header);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("another file of this host"));
    EXPECT_EQ(recognise("disk.qcow2", header), Disk::Format::qcow2);
    EXPECT_EQ(recognise("disk.img", header, Disk::Format::qcow2), Disk::Format::qcow2);
    EXPECT_EQ(recognise("disk.img", header, Disk::Format::raw), Disk::Format::raw);
  }
}

TEST(DiskImage, OtherFormatsAreNotTakenForRaw) {
  for (const char* magic : {"KDMV....", "vhdxfile", "conectix", "<<< Oracle", "\x1f\x8b\x08", "PK\x03\x04"}) {
    const auto refused = recognise("a.img", magic);
    ASSERT_FALSE(refused) << magic;
    EXPECT_THAT(refused.error().message, HasSubstr("qemu-img convert"));
    EXPECT_EQ(recognise("a.img", magic, Disk::Format::raw), Disk::Format::raw);
  }
  EXPECT_FALSE(recognise("a.img", "nothing", Disk::Format::qcow2));
}

TEST(DiskImage, FilesAreLookedAt) {
  const test::TemporaryDirectory folder;
  const auto examine = [](const std::filesystem::path& path) {
    return examine_disk({.path = path, .format = {}, .read_only = false});
  };
  EXPECT_EQ(examine(folder.write("a.img", qcow2(0, 0)))->format, Disk::Format::qcow2);
  EXPECT_THAT(examine(folder.path() / "none").error().message, HasSubstr("none' cannot be opened"));
  EXPECT_THAT(examine(folder.write("empty")).error().message, HasSubstr("is empty"));
  EXPECT_FALSE(examine(folder.path()));
  ASSERT_EQ(::mkfifo((folder.path() / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(examine(folder.path() / "fifo").error().message, HasSubstr("neither a file nor a block device"));
}

}  // namespace
}  // namespace hesper::vm
