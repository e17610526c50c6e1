/* SPDX-License-Identifier: BSD-3-Clause */
/** Scripts that luamodule runs. */
#include <nemea/module_cmocka.h>

#define FORMAT                                                                                             \
   "ipaddr SRC_IP,uint64 BYTES,time TIME_LAST,int16 A,double B,macaddr C,char D,string E,bytes F,uint16* " \
   "G,ipaddr* H"
#define RECORD                                                                                               \
   "192.0.2.77,1000,2024-01-01T12:00:00.5,-7,1.5,01:02:03:04:05:06,x,text,00ff,[1|2|3],[192.0.2.1|2001:db8:" \
   ":1]"

static nm_test_t *start_with(const char *script, const char *more)
{
   char options[200];
   nm_unit_write(script);
   snprintf(options, sizeof(options), "-l %s %s", nm_unit_path(), more);
   return nm_unit_start(options, FORMAT);
}

static nm_test_t *start(const char *script)
{
   return start_with(script, "");
}

/* The script's function assert() fails for what is not as it should be: a record then is dropped. */
static void expect_no_errors(nm_test_t *t, const char *script)
{
   if (nm_test_counter(t, "script errors") != 0) {
      fail_msg("%s", script);
   }
}

static void values_of_all_types_are_read(void **state)
{
   static const char script[] =
       "function on_record_recv()\n"
       "  local ip, n, t, a, b = ur_get('SRC_IP', 'BYTES', 'TIME_LAST', 'A', 'B')\n"
       "  assert(tostring(ip) == '192.0.2.77' and n == 1000 and t == 1704110400.5 and a == -7 and b == 1.5)\n"
       "  local c, d, e, f, g, h, none = ur_get('C', 'D', 'E', 'F', 'G', 'H', 'NONE')\n"
       "  assert(c == '01:02:03:04:05:06' and d == 'x' and e == 'text' and f == '\\0\\xff' and none == nil)\n"
       "  assert(#g == 3 and g[3] == 3 and #h == 2 and tostring(h[2]) == '2001:db8::1')\n"
       "  assert(ur_get(ur_id('BYTES')) == 1000 and ur_id('NONE') == nil and ur_get(-1, 100000) == nil)\n"
       "  local all = ur_get()\n"
       "  assert(all.E == 'text' and all.H[1] == ur_ip('192.0.2.1'))\n"
       "  assert(ur_type('SRC_IP') == 'ipaddr' and ur_type().G == 'uint16*' and _REC_COUNT == 1)\n"
       "end\n";
   (void) state;
   nm_test_t *t = start(script);
   nm_unit_feed(t, RECORD);
   expect_no_errors(t, script);
   assert_int_equal(nm_unit_count(t), 1);
   nm_test_free(t);
}

static void values_are_changed(void **state)
{
   static const char script[] =
       "function on_record_recv()\n"
       "  local a, b, c = ur_set('SRC_IP', '2001:db8::7', 'BYTES', 18446744073709549568.0, 'A', 32767)\n"
       "  assert(a and b and c and ur_get('A') == 32767 and ur_get('B') == 1.5)\n"
       "  assert(ur_set('C', 'ff:00:00:00:00:01', 'D', 'z') and ur_set('E', 'longer text', 'F', "
       "'\\1\\2\\3'))\n"
       "  assert(ur_set('G', {7}) and ur_set('H', {'192.0.2.9', ur_ip('192.0.2.8')}) and ur_set('TIME_LAST', "
       "1704110401.25))\n"
       "  for _, wrong in ipairs({{'A', 40000}, {'A', 'x'}, {'A', 1.5}, {'BYTES', -1}, {'SRC_IP', 'no'}, "
       "{'C', '1'}, {'D', 'xy'},\n"
       "                          {'E', 5}, {'G', {70000}}, {'G', {1, 'x'}}, {'H', 5}, {'NONE', 1}, "
       "{'TIME_LAST', -1}, {'E', ('x'):rep(70000)}}) do\n"
       "    assert(ur_set(wrong[1], wrong[2]) == false, wrong[1])\n"
       "  end\n"
       "end\n";
   (void) state;
   nm_test_t *t = start(script);
   nm_unit_feed(t, RECORD);
   expect_no_errors(t, script);
   const char *got = nm_test_next(t, 0);
   static const char *const parts[] = {
       "2001:db8::7", "18446744073709549568", "12:00:01.25", "32767", "ff:00:00:00:00:01",
       "z",           "longer text",          "010203",      "[7]",   "[192.0.2.9|192.0.2.8]"};
   for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
      if (strstr(got, parts[i]) == NULL) {
         fail_msg("%s is not in %s", parts[i], got);
      }
   }
   nm_test_free(t);
}

static void the_format_is_changed(void **state)
{
   (void) state;
   nm_test_t *t = start("function on_template_recv() ur_add('string NOTE, uint8 LEVEL'); assert(ur_del('A', "
                        "'NONE')); ur_del('B', 'C', 'D', 'E', 'F', 'G', 'H') end\n"
                        "function on_record_recv() ur_set('NOTE', 'n' .. ur_get('A'), 'LEVEL', 3); "
                        "assert(not pcall(ur_add, 'uint8 X')) end\n");
   assert_string_equal(nm_test_output_format(t, 0),
                       "ipaddr SRC_IP,uint64 BYTES,time TIME_LAST,uint8 LEVEL,string NOTE");
   nm_unit_feed(t, RECORD);
   nm_unit_expect(t, "192.0.2.77,1000,2024-01-01T12:00:00.5");
   nm_test_free(t);
}

static void addresses_are_objects(void **state)
{
   static const char script[] =
       "function on_record_recv()\n"
       "  local ip = ur_get('SRC_IP')\n"
       "  assert(tostring(ip / 24) == '192.0.2.0' and ip / 24 == ur_ip('192.0.2.0') and ip ~= "
       "ur_ip('192.0.2.1'))\n"
       "  assert(tostring(ur_ip('2001:db8:ffff::1') / 33) == '2001:db8:8000::' and "
       "tostring(ur_ip('\\1\\2\\3\\4')) == '1.2.3.4')\n"
       "  local a, b = ur_ip('no', '::1')\n"
       "  assert(a == nil and b:__tobytes() == ('\\0'):rep(15) .. '\\1' and ur_ip('192.0.2.1') < ip)\n"
       "  assert(ur_ip4('192.0.2.1') and not ur_ip4('::1') and ur_ip6('::1') and not ur_ip6('x'))\n"
       "  assert(not pcall(function() return ip / 33 end))\n"
       "end\n";
   (void) state;
   nm_test_t *t = start(script);
   nm_unit_feed(t, RECORD);
   expect_no_errors(t, script);
   nm_test_free(t);
}

static void records_are_dropped(void **state)
{
   (void) state;
   nm_test_t *t =
       start("function on_record_recv() ur_set('A', 1); if _REC_COUNT == 2 then ur_drop() end end");
   for (int i = 0; i < 3; i++) {
      nm_unit_feed(t, RECORD);
   }
   assert_int_equal(nm_unit_count(t), 2);
   assert_int_equal(nm_test_counter(t, "records dropped by the script"), 1);
   nm_test_free(t);
}

/* Whatever the script does, the module goes on. */
static void scripts_that_fail(void **state)
{
   static const char *const bodies[] = {"error('x')",
                                        "error({})",
                                        "error()",
                                        "nothing.here = 1",
                                        "while true do end",
                                        "local s = 'x' while true do s = s .. s end",
                                        "local t = {} while true do t[#t + 1] = {} end",
                                        "local function f() return 1 + f() end f()",
                                        "ur_set('A')",
                                        "ur_add('uint8 X')",
                                        "ur_get(('x'):rep(1000000)) error('x')",
                                        "coroutine.wrap(function() error('x') end)()",
                                        "ur_set('G', setmetatable({}, {__len = error}), 'E', {}) error('x')"};
   (void) state;
   assert_true(nm_test_catch(STDERR_FILENO));
   for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
      char script[300];
      snprintf(script, sizeof(script), "function on_record_recv() if _REC_COUNT == 1 then %s end end",
               bodies[i]);
      nm_test_t *t = start_with(script, "--memory 4 --steps 1000000 --on-error forward");
      nm_unit_feed(t, RECORD);
      nm_unit_feed(t, RECORD);
      if (nm_test_counter(t, "script errors") != 1 || nm_unit_count(t) != 2) {
         fail_msg("%s", bodies[i]);
      }
      nm_test_free(t);
   }
   nm_test_t *t = start(
       "function on_template_recv() ur_del('A'); error('x') end function on_record_recv() error('y') end");
   nm_unit_feed(t, RECORD);
   assert_non_null(strstr(nm_test_output_format(t, 0), "int16 A"));
   assert_int_equal(nm_test_counter(t, "script errors"), 2);
   assert_int_equal(nm_unit_count(t), 0);
   nm_test_free(t);
   t = start("function on_template_recv() ur_add('nonsense') end function on_record_recv() end");
   nm_unit_feed(t, RECORD);
   assert_int_equal(nm_unit_count(t), 1);
   nm_test_free(t);
   nm_test_caught();
}

static void scripts_that_cannot_be_used(void **state)
{
   static const struct {
      const char *script, *error;
   } cases[] = {{"function", ":1: <name> expected"},
                {"x = 1", "it has no function on_record_recv()"},
                {"error('at once')", "at once"},
                {"function on_record_recv() end function on_init() error('here') end", "here"}};
   char options[100];
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_unit_write(cases[i].script);
      snprintf(options, sizeof(options), "-l %s", nm_unit_path());
      nm_test_t *t = nm_test_new(&nm_definition, options);
      if (nm_test_error(t) == NULL || strstr(nm_test_error(t), cases[i].error) == NULL) {
         fail_msg("%s: %s", cases[i].script, nm_test_error(t));
      }
      nm_test_free(t);
   }
   nm_test_t *t = nm_test_new(&nm_definition, "");
   assert_string_equal(nm_test_error(t), "Error: lua script path not specified");
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "-l /nowhere");
   assert_non_null(strstr(nm_test_error(t), "cannot open /nowhere"));
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(values_of_all_types_are_read), cmocka_unit_test(values_are_changed),
       cmocka_unit_test(the_format_is_changed),        cmocka_unit_test(addresses_are_objects),
       cmocka_unit_test(records_are_dropped),          cmocka_unit_test(scripts_that_fail),
       cmocka_unit_test(scripts_that_cannot_be_used),
   };
   return cmocka_run_group_tests(tests, nm_unit_make_file, nm_unit_remove_file);
}
