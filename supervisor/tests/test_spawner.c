/* SPDX-License-Identifier: BSD-3-Clause */
/** What the spawner believes: its messages, and which files only root can change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch.h"
#include "spawn_message.h"
#include "trusted.h"

static struct spawn_request start_of(const char *name)
{
   struct spawn_request r = {.magic = SPAWN_MAGIC, .type = SPAWN_START};
   (void) snprintf(r.name, sizeof(r.name), "%s", name);
   return r;
}

static void only_whole_requests_are_taken(void **state)
{
   struct spawn_request r = start_of("logger");
   assert_true(spawn_request_ok(&r, sizeof(r), SPAWN_FDS));
   assert_false(spawn_request_ok(&r, sizeof(r) - 1, SPAWN_FDS));
   assert_false(spawn_request_ok(&r, sizeof(r), SPAWN_FDS - 1));
   assert_false(spawn_request_ok(&r, sizeof(r), 0));
   r.name[100] = 'x'; /* behind its end */
   assert_false(spawn_request_ok(&r, sizeof(r), SPAWN_FDS));
   memset(r.name, 'x', sizeof(r.name)); /* no end */
   assert_false(spawn_request_ok(&r, sizeof(r), SPAWN_FDS));
   r = start_of("");
   assert_false(spawn_request_ok(&r, sizeof(r), SPAWN_FDS));
   r = start_of("logger");
   r.magic++;
   assert_false(spawn_request_ok(&r, sizeof(r), SPAWN_FDS));
   r = start_of("logger");
   r.type = SPAWN_ANSWER;
   assert_false(spawn_request_ok(&r, sizeof(r), SPAWN_FDS));
   r = start_of("logger");
   r.pid = 5;
   assert_false(spawn_request_ok(&r, sizeof(r), SPAWN_FDS));
}

static void signals_are_those_that_stop_one_process(void **state)
{
   static const struct {
      int pid, signal;
      uint64_t start;
      bool ok;
   } cases[] = {{100, SIGTERM, 7, true},   {100, SIGKILL, 7, true}, {100, SIGSTOP, 7, false},
                {100, SIGSEGV, 7, false},  {100, 0, 7, false},      {100, -9, 7, false},
                {1, SIGTERM, 7, false},    {0, SIGTERM, 7, false},  {-1, SIGKILL, 7, false},
                {-100, SIGKILL, 7, false}, {100, SIGTERM, 0, false}};
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      struct spawn_request r = {.magic = SPAWN_MAGIC,
                                .type = SPAWN_SIGNAL,
                                .pid = cases[i].pid,
                                .signal = cases[i].signal,
                                .start_time = cases[i].start};
      assert_int_equal(spawn_request_ok(&r, sizeof(r), 0), cases[i].ok);
      assert_false(spawn_request_ok(&r, sizeof(r), 1));
   }
}

static void answers_are_checked_too(void **state)
{
   struct spawn_answer a = {.magic = SPAWN_MAGIC, .type = SPAWN_ENDED, .pid = 9};
   assert_true(spawn_answer_ok(&a, sizeof(a)));
   assert_false(spawn_answer_ok(&a, sizeof(a) - 1));
   a.pid = 0;
   assert_false(spawn_answer_ok(&a, sizeof(a)));
   a.type = SPAWN_ANSWER;
   assert_true(spawn_answer_ok(&a, sizeof(a)));
   memset(a.why, 'x', sizeof(a.why));
   assert_false(spawn_answer_ok(&a, sizeof(a)));
}

static char place[PATH_MAX];

static void put(const char *name, mode_t mode)
{
   char path[PATH_MAX + 64];
   (void) snprintf(path, sizeof(path), "%s/%s", place, name);
   int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
   assert_true(fd >= 0 && fchmod(fd, mode) == 0);
   close(fd);
}

static bool trusts(const char *name, char *why, size_t size)
{
   char path[PATH_MAX + 64];
   (void) snprintf(path, sizeof(path), "%s/%s", place, name);
   *why = 0;
   return trusted_path(path, why, size);
}

static void link_to(const char *target, const char *name)
{
   char path[PATH_MAX + 64];
   (void) snprintf(path, sizeof(path), "%s/%s", place, name);
   assert_int_equal(symlink(target, path), 0);
}

/* In a directory below the root of the file system that is root's alone. */
static void only_what_root_alone_can_change_is_trusted(void **state)
{
   char why[512], path[PATH_MAX + 64];
   (void) snprintf(place, sizeof(place), "/run/test_spawner.XXXXXX");
   if (geteuid() != 0 || mkdtemp(place) == NULL || !trusts(".", why, sizeof(why))) {
      print_message("not run: needs root, and /run that is root's\n");
      skip();
   }
   put("good", 0644);
   put("loose", 0664);
   put("open", 0666);
   put("foreign", 0644);
   (void) snprintf(path, sizeof(path), "%s/foreign", place);
   assert_int_equal(chown(path, 65534, 0), 0);
   (void) snprintf(path, sizeof(path), "%s/shared", place);
   assert_int_equal(mkdir(path, 0700), 0);
   put("shared/in", 0644);
   assert_int_equal(chmod(path, 01777), 0);
   link_to("good", "to_good");
   link_to("shared/../good", "through_shared");
   link_to("loop", "loop");
   assert_true(trusts("good", why, sizeof(why)));
   assert_true(trusts("./shared/..//good", why, sizeof(why)) == false);
   assert_true(trusts("to_good", why, sizeof(why)));
   assert_false(trusts("through_shared", why, sizeof(why)));
   assert_false(trusts("loop", why, sizeof(why)));
   assert_non_null(strstr(why, "cannot be followed"));
   assert_false(trusts("loose", why, sizeof(why)));
   assert_non_null(strstr(why, "loose can be written by others than root (mode 0664, expected 0644)"));
   assert_false(trusts("open", why, sizeof(why)));
   assert_false(trusts("foreign", why, sizeof(why)));
   assert_non_null(strstr(why, "foreign belongs to user 65534, expected root"));
   assert_false(trusts("shared/in", why, sizeof(why)));
   assert_non_null(strstr(why, "shared can be written"));
   assert_false(trusts("nothing", why, sizeof(why)));
   assert_false(trusted_path("relative", why, sizeof(why)));
   (void) snprintf(path, sizeof(path), "rm -r %s", place);
   assert_int_equal(system(path), 0);
}

static void nobody_becomes_root(void **state)
{
   char why[256];
   struct launch_user u;
   struct config_options o = {0};
   static char root[] = "root", zero[] = "0", unknown[] = "no-such-user", games[] = "games";
   assert_int_equal(launch_user_of(&o, NULL, &u, why, sizeof(why)), 0);
   assert_int_equal(launch_user_of(&o, root, &u, why, sizeof(why)), -1);
   o.text[OPTION_USER] = zero;
   assert_int_equal(launch_user_of(&o, "nobody", &u, why, sizeof(why)), -1);
   o.text[OPTION_USER] = unknown;
   assert_int_equal(launch_user_of(&o, "nobody", &u, why, sizeof(why)), -1);
   assert_non_null(strstr(why, "there is no user no-such-user"));
   o.text[OPTION_USER] = games;
   o.text[OPTION_GROUP] = root;
   assert_int_equal(launch_user_of(&o, "nobody", &u, why, sizeof(why)), -1);
   o.text[OPTION_GROUP] = NULL;
   struct launch_user service;
   assert_int_equal(launch_user_of(NULL, "nobody", &service, why, sizeof(why)), 1);
   assert_int_equal(launch_user_of(&o, "nobody", &u, why, sizeof(why)), 1);
   bool in_group = u.gid == service.gid;
   for (int i = 0; i < u.n_groups; i++) {
      assert_int_not_equal(u.groups[i], 0);
      in_group |= u.groups[i] == service.gid;
   }
   assert_true(in_group);
   assert_int_not_equal(u.uid, service.uid);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(only_whole_requests_are_taken),
       cmocka_unit_test(signals_are_those_that_stop_one_process),
       cmocka_unit_test(answers_are_checked_too),
       cmocka_unit_test(only_what_root_alone_can_change_is_trusted),
       cmocka_unit_test(nobody_becomes_root),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
