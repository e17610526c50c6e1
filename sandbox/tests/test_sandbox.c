/* SPDX-License-Identifier: BSD-3-Clause */
/** What a child in a sandbox may do and what not: the calls of an attacker who runs code in it. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/nemea-sandbox-XXXXXX", data[64], secret[64], sockets[64], self[4096];

static int setup(void **state)
{
   ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
   if (n <= 0 || mkdtemp(directory) == NULL) {
      return -1;
   }
   self[n] = 0;
   (void) snprintf(data, sizeof(data), "%s/data", directory);
   (void) snprintf(secret, sizeof(secret), "%s/secret", directory);
   (void) snprintf(sockets, sizeof(sockets), "%s/sockets", directory);
   int fd = open(secret, O_WRONLY | O_CREAT, 0600);
   return fd < 0 || close(fd) != 0 || mkdir(data, 0700) != 0 || mkdir(sockets, 0700) != 0;
}

static int teardown(void **state)
{
   char file[128];
   (void) snprintf(file, sizeof(file), "%s/file", data);
   (void) unlink(file);
   (void) snprintf(file, sizeof(file), "%s/file", sockets);
   (void) unlink(file);
   (void) unlink(secret);
   return rmdir(data) | rmdir(sockets) | rmdir(directory);
}

/* What a child in a sandbox answers: its exit status, or 1000 and the signal that ended it. */
static int confined(unsigned needs, int (*act)(void))
{
   const struct sandbox s = {.on = true, .needs = needs};
   char option[128];
   (void) snprintf(option, sizeof(option), "--dir=%s", data);
   char *argv[] = {self, option, NULL};
   const char *const write[] = {sockets, NULL};
   const struct sandbox_paths more = {.write = write};
   assert_true(sandbox_prepare(&s));
   fflush(NULL);
   pid_t pid = fork();
   assert_true(pid >= 0);
   if (pid == 0) {
      const char *failed = sandbox_enter(&s, self, argv, &more);
      if (failed != NULL) {
         (void) fprintf(stderr, "%s: %s\n", failed, strerror(errno));
         _exit(255);
      }
      _exit(act());
   }
   int status = 0;
   assert_int_equal(waitpid(pid, &status, 0), pid);
   return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int opens(const char *path, int flags)
{
   int fd = open(path, flags | O_CLOEXEC, 0600);
   return fd < 0 ? errno : 0;
}

static int read_secret(void)
{
   return opens(secret, O_RDONLY);
}

static int write_data(void)
{
   char path[128];
   (void) snprintf(path, sizeof(path), "%s/file", data);
   return opens(path, O_WRONLY | O_CREAT);
}

static int write_sockets(void)
{
   char path[128];
   (void) snprintf(path, sizeof(path), "%s/file", sockets);
   return opens(path, O_WRONLY | O_CREAT);
}

static int write_etc(void)
{
   return opens("/etc/nemea-sandbox-test", O_WRONLY | O_CREAT);
}

static int read_etc(void)
{
   return opens("/etc/passwd", O_RDONLY);
}

static void test_files(void **state)
{
   if (sandbox_means()->landlock == 0) {
      print_message("%s\n", sandbox_means()->no_landlock);
      skip();
   }
   assert_int_equal(confined(0, read_secret), EACCES);
   assert_int_equal(confined(0, write_data), 0);
   assert_int_equal(confined(0, write_sockets), 0);
   assert_int_equal(confined(0, write_etc), EACCES);
   assert_int_equal(confined(0, read_etc), 0);
}

static int internet_socket(void)
{
   return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0 ? errno : 0;
}

static int packet_socket(void)
{
   return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) < 0 ? errno : 0;
}

static int unix_socket(void)
{
   return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0 ? errno : 0;
}

static int new_process(void)
{
   pid_t pid = fork();
   if (pid == 0) {
      _exit(0);
   }
   return pid < 0 ? errno : waitpid(pid, NULL, 0) != pid;
}

static void *nothing(void *context)
{
   return context;
}

static int new_thread(void)
{
   pthread_t t;
   int rc = pthread_create(&t, NULL, nothing, NULL);
   return rc != 0 ? rc : pthread_join(t, NULL);
}

static int trace_parent(void)
{
   return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0 ? errno : 0;
}

static int unshare_user(void)
{
   (void) signal(SIGSYS, SIG_DFL);
   return (int) syscall(SYS_unshare, 0x10000000);
}

static int mount_something(void)
{
   return (int) syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, "");
}

static int become_root(void)
{
   return syscall(SYS_setuid, 0) < 0 ? errno : 0;
}

static void test_calls(void **state)
{
   if (!sandbox_means()->seccomp) {
      print_message("%s\n", sandbox_means()->no_seccomp);
      skip();
   }
   assert_int_equal(confined(0, unix_socket), 0);
   assert_int_equal(confined(0, internet_socket), EPERM);
   assert_int_equal(confined(SANDBOX_INTERNET, internet_socket), 0);
   assert_int_equal(confined(SANDBOX_INTERNET, packet_socket), EPERM);
   assert_int_equal(confined(0, new_thread), 0);
   assert_int_equal(confined(SANDBOX_PROGRAMS, new_process), 0);
   assert_int_equal(confined(0, become_root), EPERM);
   assert_int_equal(confined(0, unshare_user), 1000 + SIGSYS);
   assert_int_equal(confined(SANDBOX_PROGRAMS | SANDBOX_INTERNET | SANDBOX_PACKETS, mount_something),
                    1000 + SIGSYS);
   if (!SANDBOX_SANITIZERS) {
      assert_int_equal(confined(0, new_process), EPERM);
      assert_int_equal(confined(0, trace_parent), EPERM);
   }
}

/* A program of root keeps no right to change the system. */
static int has_admin(void)
{
   char line[128];
   unsigned long long effective = ~0ull;
   FILE *f = fopen("/proc/self/status", "re");
   while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
      (void) sscanf(line, "CapEff: %llx", &effective);
   }
   if (f != NULL) {
      (void) fclose(f);
   }
   return (effective >> 21 & 1) != 0; /* CAP_SYS_ADMIN */
}

static void test_capabilities(void **state)
{
   assert_int_equal(confined(0, has_admin), 0);
   assert_int_equal(confined(SANDBOX_PACKETS, has_admin), 0);
}

/* Which of two capabilities a program would get without a filter, whose starter is another user with both: bits of CAP_*, -1: it cannot be tried. */
static int handed_on(bool only, uint64_t own)
{
   const uint64_t both = 1u << CAP_NET_RAW | 1u << CAP_NET_BIND_SERVICE;
   const struct sandbox s = {.on = false, .capabilities = own, .only_capabilities = only};
   const gid_t group = 65534;
   char *argv[] = {self, NULL};
   pid_t pid = fork();
   assert_true(pid >= 0);
   if (pid == 0) {
      int got = 0;
      if (!sandbox_become(65534, &group, 1, both) || sandbox_enter(&s, self, argv, NULL) != NULL) {
         _exit(255);
      }
      for (int i = 0; i < 2; i++) {
         int c = i == 0 ? CAP_NET_RAW : CAP_NET_BIND_SERVICE;
         got |= prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, c, 0, 0) == 1 ? 1 << i : 0;
      }
      _exit(got);
   }
   int status = 0;
   assert_int_equal(waitpid(pid, &status, 0), pid);
   assert_true(WIFEXITED(status));
   return WEXITSTATUS(status);
}

static void test_capabilities_without_a_filter(void **state)
{
   if (geteuid() != 0) {
      print_message("not run: only root has capabilities to hand on\n");
      skip();
   }
   assert_int_equal(handed_on(false, 0), 3);
   assert_int_equal(handed_on(true, 0), 0);
   assert_int_equal(handed_on(true, 1u << CAP_NET_BIND_SERVICE), 2);
}

static void check_kind(const char *program, const char *first, const char *second, bool on, const char *name)
{
   char path[4200], text[128], a[64], b[256];
   (void) snprintf(a, sizeof(a), "%s", first != NULL ? first : "");
   (void) snprintf(b, sizeof(b), "%s", second != NULL ? second : "");
   char *argv[] = {a, first != NULL ? a : NULL, second != NULL ? b : NULL, NULL};
   if (*program == '/' || strchr(program, '/') == NULL) {
      (void) snprintf(path, sizeof(path), "%s", program);
   } else {
      (void) snprintf(path, sizeof(path), "%.*s/%s", (int) (strrchr(self, '/') - self), self, program + 2);
   }
   struct sandbox s = sandbox_of(path, argv);
   sandbox_name(&s, text, sizeof(text));
   assert_int_equal(s.on, on);
   assert_string_equal(text, name);
   assert_int_equal(s.why == NULL, on);
}

static void test_kinds(void **state)
{
   check_kind("sleep", NULL, NULL, false, "off");
   check_kind("/bin/sleep", NULL, NULL, false, "off");
   check_kind("/etc/passwd", NULL, NULL, false, "off");
   check_kind("./nowhere", NULL, NULL, false, "off");
   check_kind("./test_sandbox", NULL, NULL, true, "streams");
   check_kind("./test_sandbox", "-i", "u:a,u:b", true, "streams");
   check_kind("./test_sandbox", "-i", "u:a,T:host:1:key:cert:ca", true, "streams, internet");
   check_kind("./test_sandbox", "-it:1234", NULL, true, "streams, internet");
   check_kind("./test_sandbox", "-w", "/tmp/t:x", true, "streams");
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(test_files), cmocka_unit_test(test_calls), cmocka_unit_test(test_capabilities),
       cmocka_unit_test(test_capabilities_without_a_filter), cmocka_unit_test(test_kinds)};
   return cmocka_run_group_tests(tests, setup, teardown);
}
