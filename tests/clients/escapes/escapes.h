// What somebody tries who has taken over a process and wants to get out of its sandbox. Each attempt undoes nothing:
// the process is of no use afterwards.
//
// HESPER_TEST_FILE   a file of the user's that is to be read and changed
// HESPER_TEST_PORT   a TCP port on the loopback where somebody listens
// HESPER_TEST_SOCKET a Unix socket at which somebody listens
// HESPER_TEST_ATTACK names one attempt that is expected to end the process; no other is made then
#pragma once

// Says on standard error, behind "WHO: ", what it managed, and how much of all: "managed 0 of 15".
void try_to_escape(const char* who);
