/* SPDX-License-Identifier: BSD-3-Clause */
/** supcli: asks the supervisor for something, and says how it went. */
#include "connection.h"

#include <errno.h>
#include <getopt.h>
#include <nemea-common/nc_text.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, EXIT_USAGE, EXIT_NOT_RUNNING, EXIT_UNREACHABLE };

struct request {
   const char *socket, *command;
   char **names;
   size_t n;
   bool json, wait;
};

static void help(FILE *to)
{
   fputs(("usage: supcli [OPTION...] COMMAND [NAME...]\n"
          "       supcli -x | -i | -r\n"
          "\n"
          "Steers the supervisor. NAME is that of a module, a pattern like \"*_logger\", or profile:NAME.\n"
          "\n"
          "Commands:\n"
          "  status [NAME...]   states of modules\n"
          "  start NAME...      start modules (also \"enable\"); holds until the next reload\n"
          "  stop NAME...       stop modules (also \"disable\"); holds until the next reload\n"
          "  restart NAME...    stop modules and start them again\n"
          "  reload             read the configuration again; only modules that changed are restarted\n"
          "  diff               what a reload would do\n"
          "  info               the supervisor itself\n"
          "\n"
          "Options:\n"
          "  -s PATH            socket of the supervisor (default " DEFAULT_SOCKET ")\n"
          "      --json         the answer as JSON\n"
          "      --wait         return when the modules have reached the state that was asked for\n"
          "  -x                 statistics of running modules as JSON, as of NEMEA 2\n"
          "  -i                 information on all modules as JSON, as of NEMEA 2\n"
          "  -r                 the same as reload\n"
          "  -h, --help         print this help\n"
          "\n"
          "Exit status: 0 done; 1 failed; 2 wrong use; 3 a module that status was asked for by name does not "
          "run; 4 the supervisor\n"
          "cannot be reached.\n"),
         to);
}

static int unreachable(const struct request *r)
{
   fprintf(stderr, "supcli: cannot reach the supervisor on %s: %s\n", r->socket, strerror(errno));
   return EXIT_UNREACHABLE;
}

static void print_text(const char *text, int width)
{
   char plain[512];
   nc_text_terminal(plain, sizeof(plain), text != NULL ? text : "-", strlen(text != NULL ? text : "-"));
   printf("%-*s ", width, plain);
}

static const char *text_of(const json_t *o, const char *key)
{
   return json_string_value(json_object_get(o, key));
}

static void print_exit(const json_t *o)
{
   const json_t *e = json_object_get(o, "last_exit"), *status = json_object_get(e, "status"),
                *sig = json_object_get(e, "signal");
   if (json_is_integer(status)) {
      printf("status %d", (int) json_integer_value(status));
   } else if (json_is_integer(sig)) {
      printf("signal %d", (int) json_integer_value(sig));
   } else {
      printf("%s", json_is_object(e) ? "unknown" : "-");
   }
}

static void print_status(const json_t *list)
{
   size_t i;
   json_t *o;
   printf("%-28s %-9s %-8s %-9s %s\n", "MODULE", "STATE", "PID", "RESTARTS", "LAST EXIT");
   json_array_foreach(list, i, o)
   {
      print_text(text_of(o, "name"), 28);
      print_text(text_of(o, "state"), 9);
      printf("%-8lld %-9lld ", (long long) json_integer_value(json_object_get(o, "pid")),
             (long long) json_integer_value(json_object_get(o, "restarts")));
      print_exit(o);
      putchar('\n');
   }
}

static void print_lines(const json_t *list, const char *prefix, FILE *to)
{
   size_t i;
   json_t *o;
   char plain[4096];
   json_array_foreach(list, i, o)
   {
      const char *text = json_string_value(o);
      if (text != NULL) {
         nc_text_terminal(plain, sizeof(plain), text, strlen(text));
         fprintf(to, "%s%s\n", prefix, plain);
      }
   }
}

static void print_reload(const json_t *result)
{
   static const char *const keys[] = {"added", "removed", "restarted", "changed"};
   print_lines(json_object_get(result, "warnings"), "warning: ", stderr);
   for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
      char prefix[32];
      snprintf(prefix, sizeof(prefix), "%-10s", keys[i]);
      print_lines(json_object_get(result, keys[i]), prefix, stdout);
   }
   printf("%zu modules unchanged\n", json_array_size(json_object_get(result, "unchanged")));
}

static void print_diff(const json_t *list)
{
   size_t i;
   json_t *o;
   json_array_foreach(list, i, o)
   {
      print_text(text_of(o, "change"), 8);
      print_text(text_of(o, "module"), 28);
      printf("%s\n", text_of(o, "what"));
   }
}

static void print_result(const struct request *r, const json_t *result)
{
   if (r->json) {
      json_dumpf(result, stdout, JSON_INDENT(1));
      putchar('\n');
   } else if (strcmp(r->command, "reload") == 0) {
      print_reload(result);
   } else if (strcmp(r->command, "diff") == 0) {
      print_diff(result);
   } else if (json_is_array(result)) {
      print_status(result);
   } else {
      const char *key;
      json_t *o;
      json_object_foreach((json_t *) result, key, o)
      {
         if (json_is_string(o)) {
            printf("%-16s ", key);
            print_text(json_string_value(o), 0);
            putchar('\n');
         } else {
            printf("%-16s %lld\n", key, (long long) json_integer_value(o));
         }
      }
   }
}

/* \return the status; *result is the caller's when it is EXIT_SUCCESS */
static int ask(const struct request *r, const char *command, json_t **result)
{
   json_t *answer = connection_command(r->socket, command, r->names, r->n);
   *result = NULL;
   if (answer == NULL) {
      return unreachable(r);
   }
   *result = json_incref(json_object_get(answer, "result"));
   int status = json_is_true(json_object_get(answer, "ok")) ? EXIT_SUCCESS : EXIT_FAILED;
   if (status != EXIT_SUCCESS) {
      const char *error = text_of(answer, "error");
      char plain[1024];
      nc_text_terminal(plain, sizeof(plain), error != NULL ? error : "", strlen(error != NULL ? error : ""));
      fprintf(stderr, "supcli: %s failed%s%s\n", command, error != NULL ? ": " : "", plain);
      print_lines(json_object_get(*result, "errors"), "error: ", stderr);
      json_decref(*result);
      *result = NULL;
   }
   json_decref(answer);
   return status;
}

static bool is_one_of(const char *word, const char *const words[])
{
   for (; *words != NULL; words++) {
      if (word != NULL && strcmp(word, *words) == 0) {
         return true;
      }
   }
   return false;
}

/* \return 1: reached, 0: not yet, -1: it cannot be reached any more */
static int reached(const struct request *r, const json_t *o)
{
   static const char *const up[] = {"ready", "running", NULL}, *const given_up[] = {"failed", "finished",
                                                                                    NULL};
   static const char *const down[] = {"stopped", "failed", "finished", "removed", NULL};
   const char *state = text_of(o, "state");
   if (strcmp(r->command, "stop") == 0 || strcmp(r->command, "disable") == 0) {
      return is_one_of(state, down);
   }
   if (is_one_of(state, given_up)) {
      return -1;
   }
   return is_one_of(state, up) || !json_is_true(json_object_get(o, "enabled"));
}

/* Asks again until all modules are where they should be. */
static int wait_for(const struct request *r, json_t **result)
{
   for (;;) {
      static const struct timespec pause = {.tv_nsec = 50000000};
      size_t i;
      json_t *o;
      int worst = 1;
      (void) nanosleep(&pause, NULL);
      json_decref(*result);
      int status = ask(r, "status", result);
      if (status != EXIT_SUCCESS) {
         return status;
      }
      json_array_foreach(*result, i, o)
      {
         int now = reached(r, o);
         worst = now < 0 || worst < 0 ? -1 : now < worst ? now : worst;
      }
      if (worst != 0) {
         return worst < 0 ? EXIT_FAILED : EXIT_SUCCESS;
      }
   }
}

static int run(const struct request *r)
{
   static const char *const waits[] = {"start", "enable", "stop", "disable", "restart", NULL};
   json_t *result;
   int status = ask(r, r->command, &result);
   if (status == EXIT_SUCCESS && r->wait && is_one_of(r->command, waits)) {
      status = wait_for(r, &result);
   }
   if (result != NULL) {
      print_result(r, result);
   }
   if (status == EXIT_SUCCESS && strcmp(r->command, "status") == 0 && r->n > 0) {
      size_t i;
      json_t *o;
      json_array_foreach(result, i, o)
      {
         static const char *const up[] = {"ready", "running", "starting", NULL};
         status = is_one_of(text_of(o, "state"), up) ? status : EXIT_NOT_RUNNING;
      }
   }
   json_decref(result);
   return status;
}

/* The requests of NEMEA 2, whose answer is printed as it is. */
static int run_code(const struct request *r, const char *code)
{
   int fd = connection_open(r->socket);
   if (fd < 0) {
      return unreachable(r);
   }
   char *text = connection_ask(fd, code, 0);
   int failed = errno;
   close(fd);
   errno = failed;
   if (text == NULL) {
      return unreachable(r);
   }
   fputs(text, stdout);
   free(text);
   return EXIT_SUCCESS;
}

static int choose(struct request *r, int old, int argc, char **argv)
{
   static const char *const commands[] = {"status",  "start",  "enable", "stop", "disable",
                                          "restart", "reload", "diff",   "info", NULL};
   static char reload[] = "reload";
   if (old == 'x' || old == 'i') {
      return run_code(r, old == 'x' ? "456987\n" : "113366\n");
   }
   r->command = old == 'r' ? reload : argc > 0 ? argv[0] : NULL;
   if (r->command == NULL) {
      help(stderr);
      return EXIT_USAGE;
   }
   if (!is_one_of(r->command, commands)) {
      fprintf(stderr, "supcli: unknown command \"%s\" (supcli -h lists them)\n", r->command);
      return EXIT_USAGE;
   }
   r->names = argc > 1 ? argv + 1 : NULL;
   r->n = argc > 1 ? (size_t) (argc - 1) : 0;
   return run(r);
}

int main(int argc, char **argv)
{
   enum { JSON = 256, WAIT };
   static const struct option options[] = {{"json", no_argument, NULL, JSON},
                                           {"wait", no_argument, NULL, WAIT},
                                           {"help", no_argument, NULL, 'h'},
                                           {"version", no_argument, NULL, 'V'},
                                           {NULL, 0, NULL, 0}};
   struct request r = {.socket = DEFAULT_SOCKET};
   int old = 0;
   for (int o; (o = getopt_long(argc, argv, "s:xirhV", options, NULL)) != -1;) {
      switch (o) {
      case 's': r.socket = optarg; break;
      case 'x':
      case 'i':
      case 'r':
         if (old != 0 && old != o) {
            fputs("supcli: expected only one of -x, -r, -i\n", stderr);
            return EXIT_FAILED;
         }
         old = o;
         break;
      case JSON: r.json = true; break;
      case WAIT: r.wait = true; break;
      case 'h': help(stdout); return nc_flush_stdout("supcli") ? EXIT_SUCCESS : EXIT_FAILED;
      case 'V': puts("supcli " NEMEA_VERSION); return nc_flush_stdout("supcli") ? EXIT_SUCCESS : EXIT_FAILED;
      default: return EXIT_USAGE;
      }
   }
   int status = choose(&r, old, argc - optind, argv + optind);
   return nc_flush_stdout("supcli") || status != EXIT_SUCCESS ? status : EXIT_FAILED;
}
