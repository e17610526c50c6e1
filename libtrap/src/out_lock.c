/* SPDX-License-Identifier: BSD-3-Clause */
/** The lock of an output, biased to the thread that sends: that one enters without a locked instruction. */
#include "out_socket.h"

#include <linux/membarrier.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

__thread char output_thread;

/* Whether the kernel can make all threads of this process see what this one wrote. */
static bool bias_possible(void)
{
   return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

/* All threads of this process see what this one wrote, and the other way round. */
static void barrier_everywhere(void)
{
   if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0) {
      return;
   }
   /* A forked child has to register again; the slow command needs no registration. */
   if (bias_possible() && syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0) {
      return;
   }
   if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) {
      LOG_ERROR("The system call membarrier has been forbidden since the first message; going on would "
                "corrupt messages.");
      abort();
   }
}

/* Afterwards the owner is not inside, and does not come in before revoked is cleared. */
static void keep_owner_out(struct socket_output *s)
{
   barrier_everywhere();
   for (int spins = 0; atomic_load_explicit(&s->inside, memory_order_acquire); spins++) {
      if (spins < 100) {
         cpu_relax();
      } else {
         sched_yield();
      }
   }
}

void output_lock(struct socket_output *s)
{
   for (int spins = 0; atomic_flag_test_and_set_explicit(&s->spin, memory_order_acquire); spins++) {
      if (spins < 100) {
         cpu_relax();
      } else {
         sched_yield();
      }
   }
   uintptr_t owner = atomic_load_explicit(&s->owner, memory_order_relaxed);
   if (owner > OWNER_NEVER && owner != this_thread()) {
      atomic_store_explicit(&s->revoked, true, memory_order_relaxed);
      keep_owner_out(s);
   }
}

void output_unlock(struct socket_output *s)
{
   if (atomic_load_explicit(&s->owner, memory_order_relaxed) != OWNER_NEVER) {
      atomic_store_explicit(&s->revoked, false, memory_order_release);
   }
   atomic_flag_clear_explicit(&s->spin, memory_order_release);
}

void settle_owner(struct socket_output *s)
{
   uintptr_t owner = atomic_load_explicit(&s->owner, memory_order_relaxed);
   if (owner == OWNER_NOBODY) {
      atomic_store_explicit(&s->owner, bias_possible() ? this_thread() : OWNER_NEVER, memory_order_relaxed);
   } else if (owner != OWNER_NEVER && owner != this_thread()) {
      /* output_lock() has set revoked, which now stays: the former owner does not come in again. */
      atomic_store_explicit(&s->owner, OWNER_NEVER, memory_order_relaxed);
   }
}
