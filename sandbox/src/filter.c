/* SPDX-License-Identifier: BSD-3-Clause */
/** The system calls of a sandbox: what is not listed fails with EPERM, what only an attacker would call ends the process. */
#include "sandbox.h"

#ifdef HAVE_SECCOMP

#include <errno.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILTERS     16 /* sets of needs */
#define FILTER_SIZE (64u << 10)

/* Names that an architecture does not have are left out. */
static const char *const allowed[] = {
    /* memory */
    "brk", "madvise", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mmap2", "mprotect", "mremap",
    "msync", "munlock", "munlockall", "munmap", "membarrier", "memfd_create", "get_mempolicy", "mbind",
    "set_mempolicy",
    /* files */
    "access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat", "dup", "dup2",
    "dup3", "faccessat", "faccessat2", "fadvise64", "fadvise64_64", "fallocate", "fchdir", "fchmod",
    "fchmodat", "fchmodat2", "fchown", "fchownat", "fcntl", "fcntl64", "fdatasync", "fgetxattr", "flock",
    "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "fsync", "ftruncate", "ftruncate64", "getcwd",
    "getdents", "getdents64", "getxattr", "inotify_add_watch", "inotify_init", "inotify_init1",
    "inotify_rm_watch", "ioctl", "lchown", "lgetxattr", "link", "linkat", "lseek", "_llseek", "lstat",
    "lstat64", "mkdir", "mkdirat", "mknod", "mknodat", "newfstatat", "open", "openat", "openat2", "pread64",
    "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat",
    "readv", "rename", "renameat", "renameat2", "rmdir", "sendfile", "sendfile64", "splice", "stat", "stat64",
    "statfs", "statfs64", "statx", "symlink", "symlinkat", "sync_file_range", "sync_file_range2", "syncfs",
    "tee", "truncate", "truncate64", "umask", "unlink", "unlinkat", "utime", "utimensat", "utimensat_time64",
    "utimes", "vmsplice", "write", "writev",
    /* waiting */
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd",
    "eventfd2", "futex", "futex_time64", "futex_wait", "futex_wake", "futex_waitv", "_newselect", "pipe",
    "pipe2", "poll", "ppoll", "ppoll_time64", "pselect6", "pselect6_time64", "select", "timerfd_create",
    "timerfd_gettime", "timerfd_gettime64", "timerfd_settime", "timerfd_settime64", "pause",
    /* sockets; socket() itself by family */
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recv",
    "recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto",
    "setsockopt", "shutdown", "socketpair",
    /* time */
    "clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64", "clock_nanosleep",
    "clock_nanosleep_time64", "getitimer", "gettimeofday", "nanosleep", "setitimer", "alarm", "time",
    "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_gettime64", "timer_settime",
    "timer_settime64", "times",
    /* signals and threads of this process; where Landlock is old, kill() reaches processes of the same user */
    "kill", "restart_syscall", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo",
    "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_tgsigqueueinfo",
    "sigaction", "sigaltstack", "signalfd", "signalfd4", "sigprocmask", "sigreturn", "tgkill", "tkill",
    "pidfd_open", "pidfd_send_signal", "exit", "exit_group", "execve", "get_robust_list", "set_robust_list",
    "set_tid_address", "rseq", "sched_getaffinity", "sched_getattr", "sched_get_priority_max",
    "sched_get_priority_min", "sched_getparam", "sched_getscheduler", "sched_setaffinity", "sched_yield",
    "setpriority", "getpriority", "wait4", "waitid", "waitpid",
    /* the process */
    "arch_prctl", "capget", "capset", "getcpu", "getegid", "getegid32", "geteuid", "geteuid32", "getgid",
    "getgid32", "getgroups", "getgroups32", "getpgid", "getpgrp", "getpid", "getppid", "getrandom",
    "getresgid", "getresgid32", "getresuid", "getresuid32", "getrlimit", "ugetrlimit", "getrusage", "getsid",
    "gettid", "getuid", "getuid32", "prctl", "prlimit64", "setpgid", "setrlimit", "setsid", "set_thread_area",
    "get_thread_area", "set_tls", "cacheflush", "riscv_flush_icache", "riscv_hwprobe", "sysinfo", "uname",
    NULL};

static const char *const for_programs[] = {"execveat", "fork", "vfork", NULL};
/* LeakSanitizer looks at its process from a second one. */
static const char *const for_sanitizers[] = {
    "fork", "vfork", "ptrace", "process_vm_readv", "personality", "execveat", "sched_setscheduler", NULL};
/* No program here calls them, and they are what attacks on the kernel and on other processes begin with. */
static const char *const deadly[] = {"add_key",
                                     "bpf",
                                     "create_module",
                                     "delete_module",
                                     "finit_module",
                                     "fsconfig",
                                     "fsmount",
                                     "fsopen",
                                     "init_module",
                                     "io_uring_enter",
                                     "io_uring_register",
                                     "io_uring_setup",
                                     "kexec_file_load",
                                     "kexec_load",
                                     "keyctl",
                                     "mount",
                                     "mount_setattr",
                                     "move_mount",
                                     "open_by_handle_at",
                                     "open_tree",
                                     "perf_event_open",
                                     "pivot_root",
                                     "process_vm_writev",
                                     "reboot",
                                     "request_key",
                                     "setns",
                                     "swapoff",
                                     "swapon",
                                     "umount",
                                     "umount2",
                                     "unshare",
                                     "userfaultfd",
                                     NULL};

static bool add(scmp_filter_ctx c, uint32_t action, const char *const *names)
{
   for (; *names != NULL; names++) {
      int call = seccomp_syscall_resolve_name(*names);
      if (call != __NR_SCMP_ERROR && call >= 0 && seccomp_rule_add(c, action, call, 0) < 0) {
         return false;
      }
   }
   return true;
}

static bool add_sockets(scmp_filter_ctx c, unsigned needs)
{
   static const struct {
      unsigned needs;
      int family;
   } families[] = {{0, AF_UNIX},
                   {SANDBOX_INTERNET, AF_INET},
                   {SANDBOX_INTERNET, AF_INET6},
                   {SANDBOX_INTERNET | SANDBOX_PACKETS, AF_NETLINK},
                   {SANDBOX_PACKETS, AF_PACKET}};
   for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
      if ((families[i].needs == 0 || (families[i].needs & needs)) &&
          seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                           SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t) families[i].family)) < 0) {
         return false;
      }
   }
   return true;
}

/* Threads, and processes only where programs may be started. The flags of clone3() cannot be seen, and the C library goes back to
 * clone() when it is not there. */
static bool add_clone(scmp_filter_ctx c, unsigned needs)
{
   bool processes = (needs & SANDBOX_PROGRAMS) || SANDBOX_SANITIZERS;
   const unsigned long namespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                    CLONE_NEWNET | CLONE_NEWCGROUP;
   int rc = seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
   if (rc == 0) {
      rc = processes ? seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                        SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces, 0))
                     : seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | namespaces, CLONE_THREAD));
   }
   return rc == 0 && (!processes || add(c, SCMP_ACT_ALLOW, for_programs));
}

static struct sock_fprog *compile(unsigned needs)
{
   scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(EPERM));
   int fd = memfd_create("filter", MFD_CLOEXEC);
   struct sock_filter *code = malloc(FILTER_SIZE);
   struct sock_fprog *program = malloc(sizeof(*program));
   bool ok = c != NULL && fd >= 0 && code != NULL && program != NULL;
   ok = ok && add(c, SCMP_ACT_ALLOW, allowed) && add(c, SCMP_ACT_KILL_PROCESS, deadly) &&
        add_sockets(c, needs) && add_clone(c, needs) &&
        (!SANDBOX_SANITIZERS || add(c, SCMP_ACT_ALLOW, for_sanitizers));
   if (ok) {
      (void) seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE,
                              2); /* a tree instead of a list, where libseccomp has it */
      ok = seccomp_export_bpf(c, fd) == 0;
   }
   ssize_t n = ok ? pread(fd, code, FILTER_SIZE, 0) : -1;
   ok = n > 0 && (size_t) n < FILTER_SIZE;
   if (c != NULL) {
      seccomp_release(c);
   }
   if (fd >= 0) {
      close(fd);
   }
   if (!ok) {
      free(code);
      free(program);
      return NULL;
   }
   *program = (struct sock_fprog){.len = (unsigned short) ((size_t) n / sizeof(*code)), .filter = code};
   return program;
}

const struct sock_fprog *sandbox_filter(unsigned needs)
{
   static struct sock_fprog *filters[FILTERS];
   unsigned i = needs & (SANDBOX_INTERNET | SANDBOX_PACKETS | SANDBOX_PROGRAMS);
   if (filters[i] == NULL) {
      filters[i] = compile(i);
   }
   return filters[i];
}

#else

const struct sock_fprog *sandbox_filter(unsigned needs)
{
   return NULL;
}

#endif
