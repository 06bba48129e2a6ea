// A console in EDK2's variable stores.
#include "vm/efi_variables.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "support/temporary_directory.h"

namespace hesper::vm {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kHeader = 72;  // of the volume, with one entry in its block map
constexpr std::size_t kStore = 1024;

Bytes bytes(std::string_view hex) {
  Bytes result;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    result.push_back(static_cast<std::byte>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  return result;
}

// The beginning of Debian's OVMF_VARS_4M.fd, with less room.
Bytes empty_store() {
  Bytes volume = bytes(
      "00000000000000000000000000000000"
      "8d2bf1ff96768b4ca9852747075b4f50"
      "00400800000000005f465648fffe0400"
      "4800afb8000000028400000000100000"
      "0000000000000000"
      "782cf3aa7b949a43a1802e144ec37792"
      "000400005afe000000000000");
  volume.resize(kHeader + kStore, std::byte{0xff});
  return volume;
}

// A variable as EDK2 has it, at the next multiple of four.
Bytes variable(std::string_view state, std::string_view name, std::string_view data) {
  Bytes result = bytes("aa55" + std::string(state) +
                       "0007000000"
                       "0000000000000000"
                       "00000000000000000000000000000000"
                       "00000000");
  for (const std::size_t size : {2 * (name.size() + 1), data.size() / 2})
    for (const unsigned shift : {0U, 8U, 16U, 24U}) result.push_back(static_cast<std::byte>(size >> shift));
  std::ranges::copy(bytes("61dfe48bca93d211aa0d00e098032b8c"), std::back_inserter(result));
  for (const char c : name) {
    result.push_back(static_cast<std::byte>(c));
    result.push_back(std::byte{0});
  }
  result.resize(result.size() + 2);
  std::ranges::copy(bytes(data), std::back_inserter(result));
  while (result.size() % 4 != 0) result.push_back(std::byte{0xff});
  return result;
}

constexpr std::size_t kFirst = kHeader + 28;

void put(Bytes& volume, std::size_t at, const Bytes& what) {
  std::ranges::copy(what, volume.begin() + static_cast<std::ptrdiff_t>(at));
}

// PciRoot(0x0)/Pci(0x3,0x0)/AcpiAdr(0x80010100), as OVMF 2025.02 writes what was chosen in its menu.
constexpr std::string_view kPath = "02010c00d041030a0000000001010600000302030800000101807fff0400";

TEST(EfiVariables, ConsoleIsTheGpu) {
  Bytes expected = empty_store();
  const Bytes output = variable("3f", "ConOut", kPath);
  put(expected, kFirst, output);
  put(expected, kFirst + output.size(), variable("3f", "ErrOut", kPath));
  Bytes volume = empty_store();
  EXPECT_TRUE(add_efi_console(volume, 3));
  EXPECT_EQ(volume, expected);
}

TEST(EfiVariables, WhatIsThereStays) {
  Bytes volume = empty_store();
  const Bytes timeout = variable("3f", "Timeout", "0000");
  const Bytes deleted = variable("3c", "ConOut", "7fff0400");
  put(volume, kFirst, timeout);
  put(volume, kFirst + timeout.size(), deleted);
  Bytes expected = volume;
  const std::size_t end = kFirst + timeout.size() + deleted.size();
  const Bytes output = variable("3f", "ConOut", kPath);
  put(expected, end, output);
  put(expected, end + output.size(), variable("3f", "ErrOut", kPath));
  EXPECT_TRUE(add_efi_console(volume, 3));
  EXPECT_EQ(volume, expected);
}

TEST(EfiVariables, OtherFilesAreLeftAlone) {
  const auto changed = [](std::size_t at, std::string_view what) {
    Bytes volume = empty_store();
    put(volume, at, bytes(what));
    return volume;
  };
  const auto with = [](const Bytes& what) {
    Bytes volume = empty_store();
    put(volume, kFirst, what);
    return volume;
  };
  struct Case {
    const char* name;
    Bytes volume;
  };
  const Case cases[] = {
      {.name = "nothing", .volume = {}},
      {.name = "zeros", .volume = Bytes(4096)},
      {.name = "another file system", .volume = changed(16, "00")},
      {.name = "no signature", .volume = changed(40, "00")},
      {.name = "a header beyond the end", .volume = changed(48, "ffff")},
      {.name = "variables without authentication", .volume = changed(kHeader, "163edcdd")},
      {.name = "not formatted", .volume = changed(kHeader + 20, "ff")},
      {.name = "not healthy", .volume = changed(kHeader + 21, "ff")},
      {.name = "more than the file", .volume = changed(kHeader + 16, "01040000")},
      {.name = "smaller than its header", .volume = changed(kHeader + 16, "1b000000")},
      {.name = "a console", .volume = with(variable("3f", "ConOut", "7fff0400"))},
      {.name = "a console that is being replaced", .volume = with(variable("3e", "ConOut", "7fff0400"))},
      {.name = "only messages of errors", .volume = with(variable("3f", "ErrOut", "7fff0400"))},
      {.name = "something where there should be room", .volume = changed(kFirst + 100, "00")},
      {.name = "full", .volume = with(variable("3f", "Timeout", std::string(1600, '0')))},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    Bytes volume = each.volume;
    EXPECT_FALSE(add_efi_console(volume, 3));
    EXPECT_EQ(volume, each.volume);
  }
}

TEST(EfiVariables, SizesThatLieAreFoundOut) {
  for (const std::size_t at : {36U, 40U}) {
    for (const std::string_view size : {"ffffffff", "f0ffffff", "00040000", "00000080"}) {
      Bytes volume = empty_store();
      put(volume, kFirst, variable("3f", "Timeout", "0000"));
      put(volume, kFirst + at, bytes(size));
      const Bytes before = volume;
      EXPECT_FALSE(add_efi_console(volume, 3)) << at << ' ' << size;
      EXPECT_EQ(volume, before);
    }
  }
}

TEST(EfiVariables, AnyBeginningOfAFileIsSafe) {
  for (std::size_t size = 0; size < empty_store().size(); ++size) {
    Bytes volume = empty_store();
    volume.resize(size);
    volume.shrink_to_fit();
    EXPECT_FALSE(add_efi_console(volume, 3)) << size;
  }
}

std::string content(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(EfiVariables, AreMadeOnceAndKept) {
  const test::TemporaryDirectory folder;
  const Bytes store = empty_store();
  const auto from = folder.write("template", {reinterpret_cast<const char*>(store.data()), store.size()});
  std::filesystem::permissions(from, std::filesystem::perms::owner_read);
  const auto file = folder.path() / "variables";
  ASSERT_TRUE(make_efi_variables(from, file, 3));
  Bytes expected = store;
  ASSERT_TRUE(add_efi_console(expected, 3));
  EXPECT_EQ(content(file), std::string(reinterpret_cast<const char*>(expected.data()), expected.size()));
  EXPECT_TRUE((std::filesystem::status(file).permissions() & std::filesystem::perms::owner_write) !=
              std::filesystem::perms::none);
  ASSERT_TRUE(make_efi_variables(from, file, 5));  // would be another console
  EXPECT_EQ(content(file), std::string(reinterpret_cast<const char*>(expected.data()), expected.size()));
}

TEST(EfiVariables, AnUnknownTemplateIsCopied) {
  const test::TemporaryDirectory folder;
  const auto file = folder.path() / "variables";
  ASSERT_TRUE(make_efi_variables(folder.write("template", "something"), file, 3));
  EXPECT_EQ(content(file), "something");
}

TEST(EfiVariables, NothingIsLeftWhereTheyCannotBeMade) {
  const test::TemporaryDirectory folder;
  const auto made = make_efi_variables(folder.path() / "nowhere", folder.path() / "variables", 3);
  ASSERT_FALSE(made);
  EXPECT_TRUE(made.error().message.contains("/variables' cannot be made: No such file")) << made.error().message;
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace hesper::vm
