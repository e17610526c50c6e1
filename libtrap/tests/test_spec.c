/* SPDX-License-Identifier: BSD-3-Clause */
/** IFC_SPEC and command line. Each test is named after what it prevents; all of it happened with NEMEA 2. */
#include "rig.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void expect(int in, int out, const char *spec, int code)
{
   trap_ctx_t *ctx = trap_ctx_init3("test", "", (int8_t) in, (int8_t) out, spec, NULL);
   assert_non_null(ctx);
   if (trap_ctx_get_last_error(ctx) != code) {
      fail_msg("%s: %d (%s), expected %d", spec, trap_ctx_get_last_error(ctx),
               trap_ctx_get_last_error_msg(ctx), code);
   }
   trap_ctx_finalize(&ctx);
}

static void letter_without_colon_is_not_taken_twice(void **state)
{
   char *argv[] = {(char *) "m", (char *) "-i", (char *) "b,u:x,t", NULL};
   int argc = 3;
   trap_ifc_spec_t spec;
   assert_int_equal(trap_parse_params(&argc, argv, &spec), TRAP_E_OK);
   assert_string_equal(spec.types, "but");
   assert_string_equal(spec.params[0], "");
   assert_string_equal(spec.params[1], "x");
   assert_string_equal(spec.params[2], "");
   assert_int_equal(argc, 1);
   assert_null(argv[1]); /* the vector still ends */
   trap_free_ifc_spec(spec);
}

static void unsupported_letter_leaves_no_old_message(void **state)
{
   char *argv[] = {(char *) "m", (char *) "-i", (char *) "q:x", NULL};
   int argc = 3;
   trap_ifc_spec_t spec;
   assert_int_equal(trap_parse_params(&argc, argv, &spec), TRAP_E_BADPARAMS);
   assert_string_equal(trap_last_error_msg, "Unsupported IFC type 'q'.");
   assert_null(spec.types);
}

static void negative_number_of_interfaces_is_refused(void **state)
{
   expect(-1, 2, "b:", TRAP_E_BADPARAMS);
   expect(3, -1, "g:1:a", TRAP_E_BADPARAMS);
}

static void interface_of_the_wrong_direction_is_refused(void **state)
{
   expect(1, 0, "b:", TRAP_E_BADPARAMS);
   expect(0, 1, "g:1:a", TRAP_E_BADPARAMS);
}

static void generator_delivers_its_own_length(void **state)
{
   const void *data;
   uint16_t size = 0;
   trap_ctx_t *ctx = trap_ctx_init3("test", "", 1, 0, "g:5:hello", NULL);
   assert_int_equal(trap_ctx_recv(ctx, 0, &data, &size), TRAP_E_OK);
   assert_int_equal(size, 5);
   assert_memory_equal(data, "hello", 5);
   trap_ctx_finalize(&ctx);
   expect(1, 0, "g:6:hello", TRAP_E_BADPARAMS);
}

static void sockets_named_by_digits_can_be_received(void **state)
{
   expect(2, 0, "u:0abc,u:70000", TRAP_E_OK);
   expect(1, 0, "t:localhost:70000", TRAP_E_BADPARAMS);
   expect(1, 0, "t:0", TRAP_E_BADPARAMS);
}

static void buffers_out_of_range_neither_crash_nor_spread(void **state)
{
   static char big[60000];
   trap_ctx_t *ctx = trap_ctx_init3(
       "test", "", 0, 2, "u:a:buffer_count=1:timeout=NO_WAIT,u:b:buffer_size=1000:timeout=NO_WAIT", NULL);
   assert_int_equal(trap_ctx_get_last_error(ctx), TRAP_E_OK);
   trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_RAW);
   trap_ctx_set_data_fmt(ctx, 1, TRAP_FMT_RAW);
   for (int i = 0; i < 200; i++) { /* the size of b's buffers is b's own */
      assert_int_equal(trap_ctx_send(ctx, 0, big, sizeof(big)), TRAP_E_OK);
      assert_int_equal(trap_ctx_send(ctx, 1, big, 984), TRAP_E_OK);
   }
   assert_int_equal(trap_ctx_send(ctx, 1, big, 985), TRAP_E_MEMORY);
   trap_ctx_finalize(&ctx);
}

static void parameters_that_are_not_understood_end_the_program(void **state)
{
   static const char *const outputs[] = {"u:x:timout=WAIT",    "u:x:timeout=SOON",  "u:x:timeout=5x",
                                         "u:x:buffer=of",      "u:x:autoflush=1s",  "u:x:mode=8",
                                         "u:x:mode=",          "u:x:word",          "u:x:buffer_count=0",
                                         "t:0:max_clients=",   "u:x:group=",        "t:0:mode=600",
                                         "f:%s/x:tme=5",       "f:%s/x:size=1MB",   "f:%s/x:compress=gzip",
                                         "b:timeout=",         "u:x:maxstall=-1",   "t:notaport",
                                         "u:x:bind=127.0.0.1", "u:x:max_clients=0x"};
   static const char *const inputs[] = {"u:x:timout=WAIT",
                                        "u:x:timeout=HALF_WAIT",
                                        "t:h:1:keepalive=30",
                                        "t:h:1:keepalive=0/1/1",
                                        "t:h:1:keepalive=1/1/1/1",
                                        "u:x:keepalive=off",
                                        "t:h:1:hostname=h",
                                        "t:localhost:notaport",
                                        "t:h:1:x",
                                        "f:%s/none"};
   char spec[160];
   (void) state;
   for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
      const char *placeholder = strstr(outputs[i], "%s"); /* a file in the test's directory */
      if (placeholder != NULL) {
         snprintf(spec, sizeof(spec), "f:%s%s", dir, placeholder + 2);
      } else {
         snprintf(spec, sizeof(spec), "%s", outputs[i]);
      }
      trap_ctx_t *ctx = trap_ctx_init3("test", "", 0, 1, spec, NULL);
      assert_int_equal(trap_ctx_get_last_error(ctx), TRAP_E_BADPARAMS);
      assert_non_null(strstr(trap_ctx_get_last_error_msg(ctx), "expected"));
      trap_ctx_finalize(&ctx);
   }
   for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
      expect(1, 0, inputs[i], TRAP_E_BADPARAMS);
   }
   trap_set_verbose_level(-4);
   expect(1, 0, "t:h:1:keepalive=60/5/2", TRAP_E_OK);
   expect(1, 0, "t:h:1:keepalive=off:5", TRAP_E_OK); /* numbers that NEMEA 2 ignored */
   expect(1, 0, "u:h:x:5", TRAP_E_OK);
   expect(0, 1, "u:x:5:max_clients=1000", TRAP_E_OK);
   trap_set_verbose_level(-3);
}

/* A backslash takes the meaning off a character, and only off those that have one. */
static void quoted_characters_are_part_of_names(void **state)
{
   static const char *const names[][2] = {
       {"a\\,b\\:c", "a,b:c"},     {"\\$HOME", "$HOME"},  {"\\~", "~"},
       {"x\\[1\\]", "x[1]"},       {"x\\*\\?", "x*?"},    {"back\\\\slash", "back\\slash"},
       {"old\\name", "old\\name"}, {"end\\\\:w", "end\\"}};
   char spec[200], path[128];
   (void) state;
   for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
      snprintf(spec, sizeof(spec), "f:%s/%s,f:%s/other", dir, names[i][0], dir);
      snprintf(path, sizeof(path), "%s/%s", dir, names[i][1]);
      trap_ctx_t *out = trap_ctx_init3("test", "", 0, 2, spec, NULL);
      assert_int_equal(trap_ctx_get_last_error(out), TRAP_E_OK);
      trap_ctx_set_data_fmt(out, 0, TRAP_FMT_RAW);
      trap_ctx_send(out, 0, "hello", 5);
      trap_ctx_finalize(&out);
      assert_int_equal(access(path, F_OK), 0);
      char *write = strstr(spec, ":w,");
      *(write != NULL ? write : strstr(spec, ",f:")) = 0;
      trap_ctx_t *in = open_raw(1, 0, spec);
      const void *data;
      uint16_t size;
      assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_OK);
      assert_int_equal(size, 5);
      trap_ctx_finalize(&in);
      assert_int_equal(unlink(path), 0);
   }
   snprintf(path, sizeof(path), "%s/trap-a:b,c.sock", dir);
   trap_ctx_t *out = trap_ctx_init3("test", "", 0, 1, "u:a\\:b\\,c:buffer=on", NULL);
   assert_int_equal(trap_ctx_get_last_error(out), TRAP_E_OK);
   assert_int_equal(access(path, F_OK), 0);
   trap_ctx_finalize(&out);
   expect(1, 0, "t:\\:\\:1:7600", TRAP_E_OK); /* an IPv6 address */
   expect(1, 0, "g:3:a\\,b", TRAP_E_OK);
}

/* End messages and others that are shorter than any record of the format. */
static void what_is_received_can_be_written_as_a_record(void **state)
{
   char spec[128];
   const void *data;
   uint16_t size;
   (void) state;
   snprintf(spec, sizeof(spec), "f:%s/short", dir);
   trap_ctx_t *out = open_ctx(0, 1, spec);
   trap_ctx_set_data_fmt(out, 0, TRAP_FMT_UNIREC, "ipaddr A,time B,uint32 C,string D,uint16* E");
   uint8_t record[36];
   memset(record, 7, sizeof(record));
   trap_ctx_send(out, 0, record, sizeof(record));
   trap_ctx_send(out, 0, record, 1);
   trap_ctx_send(out, 0, record, 5);
   trap_ctx_send(out, 0, record, sizeof(record));
   trap_ctx_finalize(&out);
   trap_ctx_t *in = open_ctx(1, 0, spec);
   trap_ctx_set_required_fmt(in, 0, TRAP_FMT_UNIREC, "");
   static const uint16_t sizes[] = {36, 1, 5, 36, 0, 0};
   for (int i = 0; i < 6; i++) {
      assert_int_equal(trap_ctx_recv(in, 0, &data, &size), i == 0 ? TRAP_E_FORMAT_CHANGED : TRAP_E_OK);
      assert_int_equal(size, sizes[i]);
      for (int k = 0; k < 36; k++) {
         assert_int_equal(((const uint8_t *) data)[k], k < size ? 7 : 0);
      }
      memset((void *) data, 9, 36);
   }
   trap_ctx_finalize(&in);
}

/* Modules of old print what they find, and are killed in the end. */
static void what_was_printed_reaches_a_pipe_before_a_call_sleeps(void **state)
{
   static const char *const specs[] = {"u:nobody", "u:nobody", "g:3:abc"};
   (void) state;
   for (int i = 0; i < 3; i++) {
      int pipe_fds[2];
      char text[32] = "";
      assert_int_equal(pipe(pipe_fds), 0);
      fflush(stdout);
      pid_t pid = fork();
      if (pid == 0) {
         const void *data;
         uint16_t size;
         dup2(pipe_fds[1], STDOUT_FILENO);
         setvbuf(stdout, NULL, _IOFBF, 65536);
         trap_ctx_t *ctx = open_raw(i != 1, i == 1, specs[i]);
         printf("found something\n");
         for (;;) { /* the third one stays busy */
            if (i == 1) {
               trap_ctx_send(ctx, 0, "x", 1);
            } else {
               trap_ctx_recv(ctx, 0, &data, &size);
            }
         }
      }
      struct pollfd p = {.fd = pipe_fds[0], .events = POLLIN};
      int ready = poll(&p, 1, 30000);
      kill(pid, SIGKILL);
      waitpid(pid, NULL, 0);
      assert_int_equal(ready, 1);
      assert_true(read(pipe_fds[0], text, sizeof(text) - 1) > 0);
      assert_string_equal(text, "found something\n");
      close(pipe_fds[0]);
      close(pipe_fds[1]);
   }
}

static void too_long_socket_names_are_not_cut(void **state)
{
   char spec[200] = "u:";
   memset(spec + 2, 'x', 120);
   expect(1, 0, spec, TRAP_E_BADPARAMS);
   expect(0, 1, spec, TRAP_E_BADPARAMS);
}

static void setters_match_whole_parameters_only(void **state)
{
   char path[128], spec[160];
   snprintf(path, sizeof(path), "%s/mytimeout=5", dir);
   snprintf(spec, sizeof(spec), "f:%s:w", path);
   trap_ctx_t *ctx = trap_ctx_init3("test", "", 0, 1, spec, NULL);
   assert_int_equal(trap_ctx_get_last_error(ctx), TRAP_E_OK);
   trap_ctx_finalize(&ctx);
   assert_int_equal(unlink(path), 0);
}

static void percent_in_the_socket_directory_is_plain_text(void **state)
{
   char odd[96], path[160];
   snprintf(odd, sizeof(odd), "%s/50%%d", dir);
   snprintf(path, sizeof(path), "%s/trap-x.sock", odd);
   assert_int_equal(mkdir(odd, 0700), 0);
   setenv("TRAP_SOCKET_DIR", odd, 1);
   trap_ctx_t *ctx = trap_ctx_init3("test", "", 0, 1, "u:x", NULL);
   assert_int_equal(trap_ctx_get_last_error(ctx), TRAP_E_OK);
   assert_int_equal(access(path, F_OK), 0);
   trap_ctx_finalize(&ctx);
   setenv("TRAP_SOCKET_DIR", dir, 1);
   rmdir(odd);
}

static void list_item_without_a_name_is_not_read_past_its_end(void **state)
{
   const char *name, *type;
   int name_length, type_length;
   char *text = strdup("uint8");
   const char *end = trap_get_type_and_name_from_string(text, &name, &type, &name_length, &type_length);
   assert_ptr_equal(end, text + 5);
   assert_int_equal(type_length, 5);
   assert_int_equal(name_length, 0);
   free(text);
}

static void buffer_check_counts_in_network_order(void **state)
{
   assert_int_equal(trap_check_buffer_content((void *) "\0\3abc\0\0", 7), 0);
   assert_int_equal(trap_check_buffer_content((void *) "\0\4abc", 5), 1);
}

/* What a call prints on standard output. */
static void printed(void (*call)(void), char *text, size_t size)
{
   char path[96];
   snprintf(path, sizeof(path), "%s/out", dir);
   fflush(stdout);
   int keep = dup(1), fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
   dup2(fd, 1);
   call();
   fflush(stdout);
   dup2(keep, 1);
   close(keep);
   ssize_t n = pread(fd, text, size - 1, 0);
   close(fd);
   unlink(path);
   text[n > 0 ? n : 0] = 0;
}

static void help_of_nothing(void)
{
   trap_print_help(&(trap_module_info_t){.name = (char *) "bare", .params = NULL});
}

static void help_with_quotes(void)
{
   trap_module_info_parameter_t p = {.short_opt = 0,
                                     .long_opt = (char *) "say",
                                     .description = (char *) "a \"word\" \\ and\na line",
                                     .argument_type = NULL};
   trap_module_info_parameter_t *params[] = {&p, NULL};
   trap_print_help(&(trap_module_info_t){.name = (char *) "q", .num_ifc_in = -1, .params = params});
}

static void help_is_json_whatever_stands_in_it(void **state)
{
   char text[4096];
   setenv("LIBTRAP_OUTPUT_FORMAT", "json", 1);
   printed(help_of_nothing, text, sizeof(text));
   json_t *o = json_loads(text, 0, NULL);
   assert_non_null(o);
   assert_int_equal(json_array_size(json_object_get(o, "params")), 0);
   json_decref(o);
   printed(help_with_quotes, text, sizeof(text));
   o = json_loads(text, 0, NULL);
   assert_non_null(o);
   assert_int_equal(json_integer_value(json_object_get(o, "num_ifc_in")), -1); /* variable, not 4294967295 */
   json_t *p = json_array_get(json_object_get(o, "params"), 0);
   assert_non_null(strstr(json_string_value(json_object_get(p, "description")), "\"word\" \\ and"));
   json_decref(o);
   unsetenv("LIBTRAP_OUTPUT_FORMAT");
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(letter_without_colon_is_not_taken_twice),
       cmocka_unit_test(unsupported_letter_leaves_no_old_message),
       cmocka_unit_test(negative_number_of_interfaces_is_refused),
       cmocka_unit_test(interface_of_the_wrong_direction_is_refused),
       cmocka_unit_test(generator_delivers_its_own_length),
       cmocka_unit_test(sockets_named_by_digits_can_be_received),
       cmocka_unit_test(buffers_out_of_range_neither_crash_nor_spread),
       cmocka_unit_test(parameters_that_are_not_understood_end_the_program),
       cmocka_unit_test(quoted_characters_are_part_of_names),
       cmocka_unit_test(what_is_received_can_be_written_as_a_record),
       cmocka_unit_test(what_was_printed_reaches_a_pipe_before_a_call_sleeps),
       cmocka_unit_test(too_long_socket_names_are_not_cut),
       cmocka_unit_test(setters_match_whole_parameters_only),
       cmocka_unit_test(percent_in_the_socket_directory_is_plain_text),
       cmocka_unit_test(list_item_without_a_name_is_not_read_past_its_end),
       cmocka_unit_test(buffer_check_counts_in_network_order),
       cmocka_unit_test(help_is_json_whatever_stands_in_it),
   };
   return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
