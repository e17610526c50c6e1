/* SPDX-License-Identifier: BSD-3-Clause */
/** What the supervisor reads of control groups. How groups hold their limits is tested where a kernel has them: supervisor_test.py. */
#include "cgroup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void the_group_of_a_process_is_found(void **state)
{
   static const struct {
      const char *text, *path; /* NULL: none */
   } cases[] = {
       {"0::/system.slice/nemea-supervisor.service\n", "/system.slice/nemea-supervisor.service"},
       {"0::/\n", ""},
       {"12:cpu,cpuacct:/a\n1:name=systemd:/b\n0::/c\n", "/c"},
       {"10:memory:/0::/x\n0::/y\n", "/y"},
       {"0::/a", "/a"},
       {"", NULL},
       {"0::\n", NULL},
       {"0::a\n", NULL},
       {"1:memory:/a\n", NULL},
       {"0::/../outside\n", NULL},
       {"0::/a/../../etc\n", NULL},
       {"0::/gone (deleted)\n", NULL},
   };
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      char path[PATH_MAX] = "?";
      bool found = cgroup_parse_self(cases[i].text, path);
      assert_int_equal(found, cases[i].path != NULL);
      if (found) {
         assert_string_equal(path, cases[i].path);
      }
   }
   static char text[PATH_MAX + 64] = "0::/";
   memset(text + 4, 'a', PATH_MAX);
   char path[PATH_MAX];
   assert_false(cgroup_parse_self(text, path));
}

static void an_earlier_supervisors_group_is_not_the_base(void **state)
{
   static const char *const cases[][2] = {
       {"/a.service", "/a.service"},       {"/a.service/supervisor", "/a.service"}, {"/supervisor", ""},
       {"/supervisor/b", "/supervisor/b"}, {"/my-supervisor", "/my-supervisor"},    {"", ""}};
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      char path[PATH_MAX];
      (void) strcpy(path, cases[i][0]);
      cgroup_parse_base(path);
      assert_string_equal(path, cases[i][1]);
   }
}

static void controllers_are_whole_words(void **state)
{
   assert_int_equal(cgroup_parse_controllers("cpuset cpu io memory hugetlb pids rdma misc\n"),
                    CGROUP_MEMORY | CGROUP_CPU | CGROUP_PIDS);
   assert_int_equal(cgroup_parse_controllers("cpuset pids\n"), CGROUP_PIDS);
   assert_int_equal(cgroup_parse_controllers("cpuset cpuacct\n"), 0);
   assert_int_equal(cgroup_parse_controllers("memory"), CGROUP_MEMORY);
   assert_int_equal(cgroup_parse_controllers("\n"), 0);
   assert_int_equal(cgroup_parse_controllers(""), 0);
}

static void counts_are_found_by_their_whole_key(void **state)
{
   static const char events[] =
       "low 1\nhigh 2\nmax 345\noom 4\noom_kill 18446744073709551615\noom_group_kill 6\n";
   assert_int_equal(cgroup_parse_count(events, "oom"), 4);
   assert_int_equal(cgroup_parse_count(events, "max"), 345);
   assert_true(cgroup_parse_count(events, "oom_kill") == UINT64_MAX);
   assert_int_equal(cgroup_parse_count(events, "oom_"), 0);
   assert_int_equal(cgroup_parse_count("oom_kill", "oom_kill"), 0);
   assert_int_equal(cgroup_parse_count("", "oom"), 0);
}

static void names_of_groups_are_no_paths_and_never_the_same(void **state)
{
   char name[CGROUP_NAME], other[CGROUP_NAME], longest[300];
   cgroup_name("dns_amplification", name);
   assert_string_equal(name, "module-dns_amplification");
   cgroup_name("..", name);
   assert_string_equal(name, "module-..");
   memset(longest, 'a', sizeof(longest));
   longest[sizeof(longest) - 1] = 0;
   const char *const odd[] = {"a/b", "a b", "", "\xc3\xa9", "../../etc", "+", longest};
   for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
      cgroup_name(odd[i], name);
      assert_null(strchr(name, '/'));
      assert_int_equal(strncmp(name, "module-+", 8), 0);
      for (size_t k = 0; k < i; k++) {
         cgroup_name(odd[k], other);
         assert_string_not_equal(name, other);
      }
   }
}

static void what_is_no_hierarchy_limits_nothing(void **state)
{
   struct cgroup c = {.base = -1};
   const struct cgroup_limits none = {0};
   assert_int_equal(cgroup_oom_kills(&c, "a"), 0);
   assert_false(cgroup_adopt(&c, "a", &none, 1));
   assert_false(cgroup_sweep(&c));
   cgroup_kill(&c, "a");
   cgroup_remove(&c, "a");
   cgroup_close(&c);
   assert_false(cgroup_limits_memory(0));
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(the_group_of_a_process_is_found),
       cmocka_unit_test(an_earlier_supervisors_group_is_not_the_base),
       cmocka_unit_test(controllers_are_whole_words),
       cmocka_unit_test(counts_are_found_by_their_whole_key),
       cmocka_unit_test(names_of_groups_are_no_paths_and_never_the_same),
       cmocka_unit_test(what_is_no_hierarchy_limits_nothing),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
