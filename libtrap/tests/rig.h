/* SPDX-License-Identifier: BSD-3-Clause */
/** What tests of libtrap share: a socket directory of their own, contexts that must open. */
#ifndef RIG_H
#define RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <libtrap/trap.h>

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static char dir[64];

static inline void nap(long ms)
{
   nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static inline trap_ctx_t *open_ctx(int in, int out, const char *spec)
{
   trap_ctx_t *ctx = trap_ctx_init3("test", "", (int8_t) in, (int8_t) out, spec, NULL);
   assert_non_null(ctx);
   if (trap_ctx_get_last_error(ctx) != TRAP_E_OK) {
      fail_msg("%s: %s", spec, trap_ctx_get_last_error_msg(ctx));
   }
   return ctx;
}

/** The same for messages of any bytes. */
static inline trap_ctx_t *open_raw(int in, int out, const char *spec)
{
   trap_ctx_t *ctx = open_ctx(in, out, spec);
   if (in > 0) {
      trap_ctx_set_required_fmt(ctx, 0, TRAP_FMT_RAW);
   } else {
      trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_RAW);
   }
   return ctx;
}

static inline int rig_setup(void **state)
{
   (void) state;
   snprintf(dir, sizeof(dir), "/tmp/trap-test-XXXXXX");
   if (mkdtemp(dir) == NULL) {
      return -1;
   }
   trap_set_verbose_level(-3);
   return setenv("TRAP_SOCKET_DIR", dir, 1);
}

static inline int rig_teardown(void **state)
{
   char command[128];
   (void) state;
   snprintf(command, sizeof(command), "rm -rf %s", dir);
   return system(command);
}

#endif
