// Reading registry/, and the sentences about mistakes in it.
#include "tables.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string_view>

namespace wiregen {
namespace {

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("wiregen-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
    write("commands.tsv", "vkA\t0\nvkAKHR\t0\nvkB\t2\n");
    write("extensions.tsv", "VK_KHR_a\t7\t2\n");
    write("pnext.tsv", "VkInfo\tVkMore\nVkInfo\tVkMost\n");
    write("commands.toml", "by_hand = [\"vkA\"]\n[[refused]]\nreason = \"no\"\ncommands = [\"vkB\"]\n");
  }
  ~Folder() { std::filesystem::remove_all(path_); }

  void write(const std::string& name, std::string_view content) const { std::ofstream(path_ / name) << content; }
  [[nodiscard]] std::string error() const {
    const auto tables = read_tables(path_);
    return tables.has_value() ? "no error" : tables.error();
  }
  [[nodiscard]] std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(Tables, ReadsAllFiles) {
  const Folder folder;
  const auto tables = read_tables(folder.path());
  ASSERT_TRUE(tables.has_value()) << tables.error();
  EXPECT_EQ(tables->commands.at(0), (std::vector<std::string>{"vkA", "vkAKHR"}));
  EXPECT_EQ(tables->extensions.at(0).spec_version, 2u);
  EXPECT_EQ(tables->chains.at("VkInfo").size(), 2u);
  EXPECT_TRUE(tables->by_hand.contains("vkA"));
  EXPECT_EQ(tables->refused.at("vkB"), "no");
}

TEST(Tables, SaysWhatIsWrong) {
  const Folder folder;
  folder.write("commands.toml", "by_hand = [\"vkB\"]\n[[refused]]\nreason = \"no\"\ncommands = [\"vkB\"]\n");
  EXPECT_TRUE(folder.error().ends_with(": vkB is both by_hand and refused.")) << folder.error();
  folder.write("commands.toml", "[[refused]]\ncommands = [\"vkB\"]\n");
  EXPECT_TRUE(folder.error().ends_with(": A `refused` table has no reason.")) << folder.error();
  folder.write("commands.toml", "by_hand = [\n");
  EXPECT_TRUE(folder.error().contains("commands.toml:")) << folder.error();
  folder.write("pnext.tsv", "VkInfo\n");
  EXPECT_TRUE(folder.error().ends_with("pnext.tsv:1: The line has 1 columns instead of 2.")) << folder.error();
  folder.write("commands.tsv", "vkA\tzero\n");
  EXPECT_EQ(folder.error(), "commands.tsv: vkA has no number.");
}

}  // namespace
}  // namespace wiregen
