/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Makes one system call or allocation of a program fail; loaded with LD_PRELOAD.
 *
 *     FAULT_CALL=write FAULT_AT=3 FAULT_ERRNO=28   the third write() fails with ENOSPC; once
 *     FAULT_SHORT=1                                it writes half of the bytes first, and the next one fails
 *     FAULT_COUNTS=FILE                            at exit, a line "name count" of each call is appended to FILE
 *
 * Only calls out of our libraries and the program itself are counted, not those of other libraries.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* Version 14 of clang-format changes the layout of this list each time. */
/* clang-format off */
#define CALLS(X) \
   X(accept4) X(bind) X(calloc) X(close) X(connect) X(epoll_create1) X(epoll_ctl) X(eventfd) \
   X(fcntl) X(ftruncate) X(listen) X(lseek) X(malloc) X(memfd_create) X(mmap) X(open) X(poll) \
   X(read) X(readv) X(realloc) X(recv) X(recvmsg) X(send) X(sendmsg) X(setsockopt) X(socket) X(strdup) \
   X(write)
/* clang-format on */

#define NUMBER(name) CALL_##name,
#define TEXT(name)   #name,
enum call { CALLS(NUMBER) N_CALLS };
static const char *const names[] = {CALLS(TEXT)};

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static struct {
   uintptr_t from, to;
} ours[16];
static unsigned n_ours;
static enum call chosen = N_CALLS;
static unsigned long at;
static int fault;
static bool halve;
static _Atomic unsigned long counts[N_CALLS];

static int look_at_object(struct dl_phdr_info *info, size_t size, void *data)
{
   static const char *const libraries[] = {"libtrap", "libunirec", "libnemea-module"};
   bool mine = info->dlpi_name[0] == 0;
   for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
      mine = mine || strstr(info->dlpi_name, libraries[i]) != NULL;
   }
   for (unsigned i = 0; mine && i < info->dlpi_phnum && n_ours < 16; i++) {
      if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X) != 0) {
         ours[n_ours].from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
         ours[n_ours].to = ours[n_ours].from + info->dlpi_phdr[i].p_memsz;
         n_ours++;
      }
   }
   (void) size;
   (void) data;
   return 0;
}

static void write_counts(void)
{
   char text[2048];
   int used = 0, fd = (int) open(getenv("FAULT_COUNTS"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
   for (unsigned i = 0; i < N_CALLS; i++) {
      used +=
          snprintf(text + used, sizeof(text) - (size_t) used, "%s %lu\n", names[i], atomic_load(&counts[i]));
   }
   if (write(fd, text, (size_t) used) != used) {
      abort();
   }
   close(fd);
}

__attribute__((constructor)) static void start(void)
{
   const char *call = getenv("FAULT_CALL"), *number = getenv("FAULT_AT"), *code = getenv("FAULT_ERRNO");
   dl_iterate_phdr(look_at_object, NULL);
   for (unsigned i = 0; call != NULL && i < N_CALLS; i++) {
      chosen = strcmp(call, names[i]) == 0 ? (enum call) i : chosen;
   }
   at = number != NULL ? strtoul(number, NULL, 10) : 0;
   fault = code != NULL ? atoi(code) : EIO;
   halve = getenv("FAULT_SHORT") != NULL;
   if (getenv("FAULT_COUNTS") != NULL) {
      atexit(write_counts);
   }
}

/* \return true if this call has to fail */
static bool fails(enum call call, const void *caller)
{
   uintptr_t address = (uintptr_t) caller;
   for (unsigned i = 0; i < n_ours; i++) {
      if (address >= ours[i].from && address < ours[i].to) {
         unsigned long n = atomic_fetch_add(&counts[call], 1) + 1;
         if (call == chosen && n == at + halve) {
            errno = fault;
            return true;
         }
         return false;
      }
   }
   return false;
}

#define FAILS(name) fails(CALL_##name, __builtin_return_address(0))
#define NEXT(name)                                                \
   static __typeof__(name) *next_##name;                          \
   if (next_##name == NULL) {                                     \
      next_##name = (__typeof__(name) *) dlsym(RTLD_NEXT, #name); \
   }

/* A function that returns failed when it is to fail, and otherwise what the real one does. */
#define WRAP(type, name, parameters, arguments, failed)    \
   EXPORT type name parameters                             \
   {                                                       \
      NEXT(name)                                           \
      return FAILS(name) ? failed : next_##name arguments; \
   }

int eventfd(unsigned initial, int flags);

WRAP(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int flags), (fd, a, n, flags), -1)
WRAP(int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), -1)
WRAP(int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), -1)
WRAP(int, epoll_create1, (int flags), (flags), -1)
WRAP(int, epoll_ctl, (int e, int op, int fd, struct epoll_event *event), (e, op, fd, event), -1)
WRAP(int, eventfd, (unsigned initial, int flags), (initial, flags), -1)
WRAP(int, ftruncate, (int fd, off_t size), (fd, size), -1)
WRAP(int, listen, (int fd, int n), (fd, n), -1)
WRAP(off_t, lseek, (int fd, off_t to, int whence), (fd, to, whence), -1)
WRAP(int, memfd_create, (const char *name, unsigned flags), (name, flags), -1)
WRAP(void *, mmap, (void *a, size_t n, int p, int flags, int fd, off_t o), (a, n, p, flags, fd, o),
     MAP_FAILED)
WRAP(int, poll, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout), -1)
WRAP(ssize_t, read, (int fd, void *to, size_t n), (fd, to, n), -1)
WRAP(ssize_t, readv, (int fd, const struct iovec *to, int n), (fd, to, n), -1)
WRAP(ssize_t, recv, (int fd, void *to, size_t n, int flags), (fd, to, n, flags), -1)
WRAP(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags), -1)
WRAP(ssize_t, send, (int fd, const void *from, size_t n, int flags), (fd, from, n, flags), -1)
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags), -1)
WRAP(int, setsockopt, (int fd, int level, int name, const void *v, socklen_t n), (fd, level, name, v, n), -1)
WRAP(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1)
WRAP(char *, strdup, (const char *s), (s), NULL)

EXPORT int close(int fd)
{
   NEXT(close)
   bool failed = FAILS(close);
   int rc = next_close(fd); /* the descriptor is gone in any case */
   errno = failed ? fault : errno;
   return failed ? -1 : rc;
}

EXPORT ssize_t write(int fd, const void *from, size_t n)
{
   NEXT(write)
   if (FAILS(write)) {
      return -1;
   }
   bool half = halve && chosen == CALL_write && counts[CALL_write] == at && n > 1;
   return next_write(fd, from, half ? n / 2 : n);
}

EXPORT int open(const char *path, int flags, ...)
{
   NEXT(open)
   va_list ap;
   va_start(ap, flags);
   unsigned mode = (flags & O_CREAT) != 0 ? va_arg(ap, unsigned) : 0;
   va_end(ap);
   return FAILS(open) ? -1 : next_open(path, flags, mode);
}

EXPORT int fcntl(int fd, int command, ...)
{
   NEXT(fcntl)
   va_list ap;
   va_start(ap, command);
   long argument = va_arg(ap, long);
   va_end(ap);
   return FAILS(fcntl) ? -1 : next_fcntl(fd, command, argument);
}

EXPORT void *malloc(size_t size)
{
   return FAILS(malloc) ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t n, size_t size)
{
   return FAILS(calloc) ? NULL : __libc_calloc(n, size);
}

EXPORT void *realloc(void *p, size_t size)
{
   return FAILS(realloc) ? NULL : __libc_realloc(p, size);
}
