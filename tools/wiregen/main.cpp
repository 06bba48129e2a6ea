// wiregen: vk.xml and registry/ to the C++ of Venus' wire. Runs at build time; prints one line.
#include <algorithm>
#include <cstdio>
#include <format>
#include <iterator>
#include <string>

#include "emit.h"
#include "text.h"

namespace {

int complain(const std::string& sentence) {
  std::fputs(("wiregen: " + sentence + "\n").c_str(), stderr);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace wiregen;
  if (argc != 4) return complain("The arguments are: path of vk.xml, folder of registry/, output folder.");
  const std::string registry_folder = argv[2];
  const std::string output_folder = argv[3];

  Registry registry;
  if (auto read = read_xml(argv[1], false, registry); !read) return complain(read.error());
  if (auto read = read_xml(registry_folder + "/venus.xml", true, registry); !read) return complain(read.error());
  const auto tables = read_tables(registry_folder);
  if (!tables) return complain(tables.error());
  const auto plan = make_plan(registry, *tables);
  if (!plan) return complain(plan.error());

  Files files;
  for (auto emit : {emit_types, emit_structs, emit_commands, emit_names, emit_schema, emit_procs, emit_dispatch,
                    emit_formats, emit_reflection}) {
    std::ranges::move(emit(registry, *plan), std::back_inserter(files));
  }
  std::ranges::move(emit_left_out(*plan), std::back_inserter(files));
  for (const File& file : files) {
    if (auto written = write_file(output_folder + "/" + file.path, file.content); !written) {
      return complain(written.error());
    }
  }
  std::puts(
      std::format("wiregen: {} commands, {} structs and {} extensions; left out {} names, see {}/wire/left_out.txt",
                  plan->commands.size(), plan->structs.size(), plan->extensions.size(), plan->left_out.size(),
                  output_folder)
          .c_str());
  return 0;
}
