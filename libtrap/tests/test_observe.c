/* SPDX-License-Identifier: BSD-3-Clause */
/** What can be seen of a running context from outside: dumps, and what clients are told about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <libtrap/trap.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64];

static trap_ctx_t *open_ctx(int in, int out, const char *spec, const char *service)
{
   trap_ctx_t *ctx = trap_ctx_init3("test", "", (int8_t) in, (int8_t) out, spec, service);
   assert_non_null(ctx);
   if (trap_ctx_get_last_error(ctx) != TRAP_E_OK) {
      fail_msg("%s: %s", spec, trap_ctx_get_last_error_msg(ctx));
   }
   return ctx;
}

static size_t slurp(const char *name, char *text, size_t size)
{
   char path[128];
   snprintf(path, sizeof(path), "%s/%s", dir, name);
   FILE *file = fopen(path, "rb");
   assert_non_null(file);
   size_t n = fread(text, 1, size - 1, file);
   text[n] = 0;
   fclose(file);
   unlink(path);
   return n;
}

static void receive(trap_ctx_t *ctx, uint32_t count)
{
   const void *data;
   uint16_t size;
   for (uint32_t i = 0; i < count; i++) {
      assert_int_equal(trap_ctx_recv(ctx, 0, &data, &size), TRAP_E_OK);
   }
}

/* A sender with one reader that has taken three messages. */
static void pair(const char *out_spec, const char *in_spec, const char *service, trap_ctx_t **out,
                 trap_ctx_t **in)
{
   const void *data;
   uint16_t size;
   *out = open_ctx(0, 1, out_spec, service);
   *in = open_ctx(1, 0, in_spec, NULL);
   trap_ctx_set_data_fmt(*out, 0, TRAP_FMT_RAW);
   trap_ctx_set_required_fmt(*in, 0, TRAP_FMT_RAW);
   trap_ctx_ifcctl(*in, TRAPIFC_INPUT, 0, TRAPCTL_SETTIMEOUT, TRAP_NO_WAIT);
   while (trap_ctx_get_client_count(*out, 0) == 0) {
      assert_int_equal(trap_ctx_recv(*in, 0, &data, &size), TRAP_E_TIMEOUT);
   }
   trap_ctx_ifcctl(*in, TRAPIFC_INPUT, 0, TRAPCTL_SETTIMEOUT, TRAP_WAIT);
   for (int i = 0; i < 3; i++) {
      assert_int_equal(trap_ctx_send(*out, 0, "hello", 5), TRAP_E_OK);
   }
   trap_ctx_send_flush(*out, 0);
   receive(*in, 3);
}

static void dump_shows_the_state_of_interfaces(void **state)
{
   char text[4096];
   trap_ctx_t *out, *in;
   pair("u:d", "u:d", NULL, &out, &in);
   trap_ctx_create_ifc_dump(out, dir);
   trap_ctx_create_ifc_dump(in, dir);
   slurp("trap-o00-config.txt", text, sizeof(text));
   assert_non_null(strstr(text, "Server port: d\n"));
   assert_non_null(strstr(text, "Connected clients: 1\n"));
   assert_non_null(strstr(text, "Buffer count: 50\n"));
   assert_non_null(strstr(text, "Buffer size: 100000\n"));
   assert_non_null(strstr(text, "Socket type: UNIX\n"));
   slurp("trap-i00-config.txt", text, sizeof(text));
   assert_non_null(strstr(text, "Dest port: d\n"));
   assert_non_null(strstr(text, "Connected: 1\n"));
   assert_non_null(strstr(text, "(TRAP_WAIT)\n"));
   assert_int_equal(slurp("trap-i00-buffer.dat", text, sizeof(text)), 4 + 3 * 7);
   assert_memory_equal(text, "\0\0\0\x15\0\5hello\0\5hello\0\5hello", 25);
   trap_ctx_finalize(&in);
   trap_ctx_finalize(&out);
}

/* Prevents: a crash when the directory of a dump cannot be written. */
static void dump_without_a_directory_is_an_error_line(void **state)
{
   trap_ctx_t *out = open_ctx(0, 2, "u:d,b:", NULL);
   trap_ctx_create_ifc_dump(out, "/nonexistent");
   trap_ctx_create_ifc_dump(NULL, dir);
   trap_ctx_finalize(&out);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(dump_shows_the_state_of_interfaces),
       cmocka_unit_test(dump_without_a_directory_is_an_error_line),
   };
   snprintf(dir, sizeof(dir), "/tmp/trap-observe-XXXXXX");
   if (mkdtemp(dir) == NULL) {
      return 1;
   }
   setenv("TRAP_SOCKET_DIR", dir, 1);
   int rc = cmocka_run_group_tests(tests, NULL, NULL);
   rmdir(dir);
   return rc;
}
