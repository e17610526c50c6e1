/* SPDX-License-Identifier: BSD-3-Clause */
/** Packets between the supervisor and its spawner: the first byte is the number of descriptors, the others are the packet. */
#include "spawn_message.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct spawn_request r = {0};
   struct spawn_answer a = {0};
   if (size == 0) {
      return 0;
   }
   size_t n = size - 1, n_fds = data[0] % (SPAWN_FDS + 1);
   memcpy(&r, data + 1, n < sizeof(r) ? n : sizeof(r));
   memcpy(&a, data + 1, n < sizeof(a) ? n : sizeof(a));
   if (spawn_request_ok(&r, n, n_fds)) {
      bool start = r.type == SPAWN_START;
      if (strnlen(r.name, sizeof(r.name)) == sizeof(r.name) || (r.name[0] != 0) != start ||
          (n_fds > 0) != start ||
          (r.type == SPAWN_SIGNAL && (r.pid <= 1 || r.signal == SIGSTOP || r.signal <= 0)) ||
          r.type > SPAWN_SIGNAL) {
         abort();
      }
   }
   if (spawn_answer_ok(&a, n) && (a.pid < 0 || strnlen(a.why, sizeof(a.why)) == sizeof(a.why))) {
      abort();
   }
   return 0;
}
