// Scarcity: what becomes of a process that the system gives no more memory or threads: one sentence on standard error,
// and its end. Going on would mean to trust every library's answer to it.
#pragma once

namespace hesper {

// From now on, where operator new or the start of a thread fails, the process ends with this exit status. Destructors
// and exit handlers do not run. Any thread may be the one; nothing that it holds is waited for. program: begins the
// sentence; stays valid.
void end_on_scarcity(const char* program, int status);

}  // namespace hesper
