// Lines and scripts. The script is written for dash and macOS's sh, and checked by shellcheck in tests/e2e.
#include "vm/export_shell.h"

#include <fmt/format.h>

#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "vm/command_lines.h"

namespace hesper::vm {
namespace {

std::string shell_word(const std::string& word) { return quoted_for_shell(std::vector{word}); }

// A word in which the machine's folder is "$folder", so that it stands in one line of the script only.
std::string with_folder(std::string_view word, std::string_view folder) {
  std::string result;
  for (;;) {
    const std::size_t at = word.find(folder);
    const std::string_view before = word.substr(0, at);
    if (!before.empty() || (at == word.npos && result.empty())) result += shell_word(std::string(before));
    if (at == word.npos) return result;
    result += "\"$folder\"";
    word.remove_prefix(at + folder.size());
    if (word.empty()) return result;
  }
}

// A command, an option to the line.
std::string laid_out(const std::vector<std::string>& command, const std::string& folder) {
  std::string text;
  for (const std::string& word : command) {
    if (!text.empty()) text += word.starts_with('-') ? " \\\n    " : " ";
    text += with_folder(word, folder);
  }
  return text;
}

constexpr std::string_view kFunctions = R"sh(
fail() {
  printf '%s: %s\n' "$0" "$1" >&2
  exit 1
}

# Into a session of its own where there is a program for that: a Ctrl-C is for QEMU, and not for what it depends on.
apart() {
  if command -v setsid >/dev/null; then exec setsid "$@"; fi
  exec "$@"
}

# Until the process $1 listens at the socket $2; $3: what it is called.
await() {
  tries=0
  until [ -S "$2" ]; do
    kill -0 "$1" 2>/dev/null || fail "$3 cannot start."
    [ "$tries" -lt 600 ] || fail "$3 does not get ready."
    tries=$((tries + 1))
    sleep 0.05
  done
}

# shellcheck disable=SC2317 # a trap calls it
clean_up() {
  trap '' HUP INT TERM
  for process in $qemu $helpers; do kill "$process" 2>/dev/null; done
  wait
  rm -rf -- "$folder"
}

# The power button; the second time, the plug.
# shellcheck disable=SC2317 # likewise
stop() {
  interrupted=1
  if [ -z "$qemu" ]; then exit 1; fi
  if [ -n "$stopping" ]; then kill "$qemu"; return; fi
  stopping=1
  echo "The guest is told to shut down; once more ends it at once." >&2
)sh";

constexpr std::string_view kStart = R"sh(}

umask 077
mkdir -p -- "${folder%/*}"
[ -n "$(find "${folder%/*}" -prune -user "$(id -u)")" ] || fail "${folder%/*} belongs to somebody else."
if ! mkdir -- "$folder" 2>/dev/null; then
  running=$(cat "$folder/process" 2>/dev/null)
  if [ -n "$running" ] && kill -0 "$running" 2>/dev/null; then fail "It runs already, as process $running."; fi
  rm -rf -- "$folder"
  mkdir -- "$folder" || exit 1
fi
echo $$ >"$folder/process"

qemu=
helpers=
stopping=
trap clean_up EXIT
trap stop HUP INT TERM

)sh";

constexpr std::string_view kEnd = R"sh(

interrupted=1
while [ -n "$interrupted" ]; do
  interrupted=
  status=0
  wait "$qemu" || status=$?
done
qemu=
exit "$status"
)sh";

}  // namespace

std::string shell_lines(Plan plan) {
  plan.connections = Connections::by_hand;
  std::string text;
  const auto add = [&](const std::vector<std::string>& command, const char* end) {
    text += fmt::format("{}{}\n", quoted_for_shell(command), end);
  };
  add({"mkdir", "-m", "700", "-p", plan.folder.native()}, "");
  add(gpu_command(plan), " &");
  if (plan.machine.network == Network::passt) add(passt_command(plan), " &");
  for (std::size_t i = 0; i < plan.machine.shares.size(); ++i) add(share_command(plan, i), " &");
  if (!plan.firmware_template.empty()) add(variables_command(plan), "");
  if (!plan.machine.view_arguments.empty()) add(view_command(plan), " &");
  add(qemu_command(plan), "");
  return text;
}

Result<std::string> shell_script(Plan plan) {
  if (plan.machine.vsock == 0u)
    return fail("A script needs to know the number of the guest's vsock: give --vsock a number of its own.", EINVAL);
  plan.connections = Connections::by_hand;
  const std::string& folder = plan.folder.native();
  const auto start = [&](const std::vector<std::string>& command, const std::string& socket, std::string_view name) {
    return fmt::format("apart {} &\nhelpers=\"$helpers $!\"\nawait $! {} {}\n\n", laid_out(command, folder),
                       with_folder(socket, folder), shell_word(std::string(name)));
  };

  std::string text = fmt::format(
      "#!/bin/sh\n"
      "# shellcheck disable=SC2016 # what stands in quotes is meant as it stands\n"
      "# The virtual machine {0}, without hesper run. Written by: hesper export qemu\n"
      "# The guest's console is on the terminal: Ctrl-a c is for QEMU's monitor and back, Ctrl-a x ends QEMU at once.\n"
      "# Ctrl-C is the guest's; SIGTERM shuts it down. Hesper's commands find it by its socket, as in\n"
      "#   hesper screenshot --socket {1}/gpu\n"
      "# If this script itself is killed with SIGKILL, QEMU goes on; the others end with QEMU.\n"
      "set -u\n"
      "folder={1}  # of its sockets; made and removed by this script\n",
      plan.machine.name, shell_word(folder));
  text += kFunctions;
  text += fmt::format("  {} stop --qmp \"$folder/qmp\" --timeout {} || kill \"$qemu\" &\n",
                      shell_word(plan.hesper.native()), plan.machine.shutdown_seconds);
  text += kStart;
  text += start(gpu_command(plan), plan.gpu_socket().native() + ".control", "hesper gpu");
  if (plan.machine.network == Network::passt) text += start(passt_command(plan), plan.passt_socket().native(), "passt");
  for (std::size_t i = 0; i < plan.machine.shares.size(); ++i)
    text += start(share_command(plan, i), plan.share_socket(i).native(), "virtiofsd");
  if (!plan.machine.view_arguments.empty())
    text += start(view_command(plan), plan.view_reports().native(), "hesper-view");
  if (!plan.firmware_template.empty())
    text += fmt::format("{} || exit 1\n\n", laid_out(variables_command(plan), folder));
  text += fmt::format("exec 3<&0  # a shell would give it /dev/null\n{} <&3 &\nqemu=$!\n",
                      laid_out(qemu_command(plan), folder));
  text += "exec 3<&-";
  text += kEnd;
  return text;
}

}  // namespace hesper::vm
