/* SPDX-License-Identifier: BSD-3-Clause */
/** What tests of libtrap share: a socket directory of their own, contexts that must open. */
#ifndef RIG_H
#define RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <libtrap/trap.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static char dir[64];

static inline void nap(long ms)
{
   nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/** A port that was free when it was first asked for, below those that the kernel gives to clients. */
static inline unsigned free_port(void)
{
   static unsigned port;
   unsigned first = 32768;
   FILE *range = port == 0 ? fopen("/proc/sys/net/ipv4/ip_local_port_range", "r") : NULL;
   if (range != NULL) {
      first = fscanf(range, "%u", &first) == 1 && first > 2048 ? first : 32768;
      fclose(range);
   }
   for (unsigned i = 0; port == 0 && i < 1000; i++) {
      unsigned candidate = 1024 + ((unsigned) getpid() * 31 + i * 7) % (first - 1024);
      struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t) candidate)};
      int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      port = bind(fd, (struct sockaddr *) &sin, sizeof(sin)) == 0 ? candidate : 0;
      close(fd);
   }
   return port;
}

/** An IFC_SPEC with the free port in place of each '@', as open_ctx() takes it, too; valid until the eighth call of
 *  the thread after this one. */
static inline const char *with_port(const char *spec)
{
   static _Thread_local char specs[8][512];
   static _Thread_local unsigned next;
   char *to = specs[next++ % 8];
   size_t n = 0;
   for (; *spec != 0 && n < sizeof(specs[0]) - 8; spec++) {
      n += (size_t) (*spec == '@' ? sprintf(to + n, "%u", free_port()) : sprintf(to + n, "%c", *spec));
   }
   return to;
}

/** Waits until a thread of this process sleeps in a system call, look after look. */
static inline void wait_until_asleep(pid_t tid)
{
   char path[64], state = 0;
   snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int) tid);
   for (int seen = 0; seen < 20; seen = state == 'S' ? seen + 1 : 0) {
      FILE *f = fopen(path, "r");
      assert_non_null(f);
      assert_int_equal(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
      fclose(f);
      nap(1);
   }
}

static inline trap_ctx_t *open_ctx(int in, int out, const char *spec)
{
   trap_ctx_t *ctx = trap_ctx_init3("test", "", (int8_t) in, (int8_t) out, with_port(spec), NULL);
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
   free_port(); /* the same for processes forked later */
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
