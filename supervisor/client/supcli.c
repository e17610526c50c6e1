/* SPDX-License-Identifier: BSD-3-Clause */
/** supcli: asks the supervisor for something, and says how it went. */
#include "connection.h"
#include "old_menu.h"
#include "old_tools.h"
#include "print.h"

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
   const char *socket, *command, *format;
   char **names;
   size_t n;
   bool json, wait, strict, follow;
   long lines, count, seconds, output, rollback; /* -1: not given */
};

static void help(FILE *to)
{
   fputs(("usage: supcli [OPTION...] COMMAND [NAME...]\n"
          "       supcli -x | -i | -r\n"
          "       supcli\n"
          "\n"
          "Steers the supervisor. Without a command, its menu of NEMEA 2 is shown (Cquit leaves it, Dstop "
          "ends the\n"
          "supervisor and leaves the modules running). NAME is that of a module, a pattern like "
          "\"*_logger\", or profile:NAME.\n"
          "\n"
          "Commands that read:\n"
          "  status [NAME...]   states of modules, with messages per second\n"
          "  top [NAME...]      the same with CPU, memory and queues, each second until Ctrl-C\n"
          "  graph              who sends to whom, with messages per second\n"
          "  events [NAME...]   starts, ends, restarts and reloads\n"
          "  check              errors and warnings of the configuration as it is on disk now\n"
          "  diff               what a reload would do\n"
          "  metrics            all numbers in the format of OpenMetrics (Prometheus)\n"
          "  info               the supervisor itself\n"
          "\n"
          "Commands for root, the user of the supervisor and those of its --inspect-user:\n"
          "  logs [NAME]        last lines of what a module wrote; without NAME of the supervisor\n"
          "  tap NAME [OUTPUT]  the next records of an output (0: the first) as JSON, one a line\n"
          "\n"
          "Commands for root and the user of the supervisor:\n"
          "  start NAME...      start modules (also \"enable\"); holds until the next reload\n"
          "  stop NAME...       stop modules (also \"disable\"); holds until the next reload\n"
          "  restart NAME...    stop modules and start them again\n"
          "  reload             read the configuration again; only modules that changed are restarted\n"
          "\n"
          "Options:\n"
          "  -s PATH            socket of the supervisor (default " DEFAULT_SOCKET ")\n"
          "      --json         the answer as JSON\n"
          "      --wait         start, stop, restart: return when the modules have reached that state\n"
          "      --rollback N   reload: if a module that was added or restarted ends or is not ready within "
          "N seconds, "
          "the\n"
          "                     configuration before comes back; returns when that is decided\n"
          "      --strict       check: warnings count as errors\n"
          "      --lines N      logs, events: at most N of the last lines (default 100)\n"
          "      --follow       events: go on with those that come\n"
          "      --format F     graph: text, dot, mermaid or json\n"
          "  -n, --count N      top: end after N times; tap: after N records (default 10)\n"
          "      --seconds N    tap: end after N seconds (1 to 30, default 5)\n"
          "  -x                 statistics of running modules as JSON, as of NEMEA 2\n"
          "  -i                 information on all modules as JSON, as of NEMEA 2\n"
          "  -r                 the same as reload\n"
          "  -h, --help         print this help\n"
          "\n"
          "Exit status: 0 done; 1 failed, or check found errors; 2 wrong use; 3 a module that status was "
          "asked for by "
          "name does not\n"
          "run; 4 the supervisor cannot be reached.\n"),
         to);
}

static int unreachable(const struct request *r)
{
   int why = errno;
   fprintf(stderr, "supcli: cannot reach the supervisor on %s: %s\n", r->socket, strerror(why));
   if (why == ENOENT && strcmp(r->socket, DEFAULT_SOCKET) == 0) {
      fputs("supcli: -s PATH names another socket; nemea run prints that of its own\n", stderr);
   }
   return EXIT_UNREACHABLE;
}

static bool is(const struct request *r, const char *command)
{
   return strcmp(r->command, command) == 0;
}

static void print_result(const struct request *r, const json_t *result)
{
   if (is(r, "metrics")) {
      fputs(json_string_value(result) != NULL ? json_string_value(result) : "", stdout);
   } else if (is(r, "tap")) {
      size_t i;
      json_t *o;
      json_array_foreach(result, i, o)
      {
         json_dumpf(o, stdout, JSON_ENCODE_ANY);
         putchar('\n');
      }
   } else if (r->json || (is(r, "graph") && strcmp(r->format, "json") == 0)) {
      json_dumpf(result, stdout, JSON_INDENT(1));
      putchar('\n');
   } else if (is(r, "reload")) {
      print_reload(result);
   } else if (is(r, "diff")) {
      print_diff(result);
   } else if (is(r, "check")) {
      print_check(result);
   } else if (is(r, "events")) {
      print_events(result);
   } else if (is(r, "logs")) {
      print_logs(result);
   } else if (is(r, "graph")) {
      print_graph(result, r->format);
   } else if (json_is_array(result)) {
      print_status(result);
   } else {
      print_members(result);
   }
}

static void set_number(json_t *o, const char *key, long value)
{
   if (value >= 0) {
      json_object_set_new(o, key, json_integer(value));
   }
}

static json_t *make_request(const struct request *r, const char *command)
{
   json_t *names = json_array(), *o = json_pack("{s:s}", "command", command);
   for (size_t i = 0; i < r->n; i++) {
      json_array_append_new(names, json_string(r->names[i]));
   }
   json_object_set_new(o, "names", names);
   if (strcmp(command, "tap") == 0) {
      set_number(o, "output", r->output);
      set_number(o, "records", r->count);
      set_number(o, "seconds", r->seconds);
   }
   if (strcmp(command, "reload") == 0) {
      set_number(o, "rollback", r->rollback);
   }
   set_number(o, strcmp(command, "events") == 0 ? "limit" : "lines", r->lines);
   return o;
}

/* \return the status; *result is the caller's, NULL: none */
static int ask_for(const struct request *r, json_t *request, json_t **result)
{
   json_t *answer = connection_command(r->socket, request);
   *result = NULL;
   if (answer == NULL) {
      return unreachable(r);
   }
   *result = json_incref(json_object_get(answer, "result"));
   int status = json_is_true(json_object_get(answer, "ok")) ? EXIT_SUCCESS : EXIT_FAILED;
   if (status != EXIT_SUCCESS && !(is(r, "check") && *result != NULL)) {
      const char *error = print_text_of(answer, "error");
      char plain[1024];
      nc_text_terminal(plain, sizeof(plain), error != NULL ? error : "", strlen(error != NULL ? error : ""));
      fprintf(stderr, "supcli: %s failed%s%s\n", r->command, error != NULL ? ": " : "", plain);
      print_lines(json_object_get(*result, "errors"), "error: ", stderr);
      json_decref(*result);
      *result = NULL;
   }
   json_decref(answer);
   return status;
}

static int ask(const struct request *r, const char *command, json_t **result)
{
   return ask_for(r, make_request(r, command), result);
}

static void pause_ms(long ms)
{
   struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
   (void) nanosleep(&t, NULL);
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
   const char *state = print_text_of(o, "state");
   if (is(r, "stop") || is(r, "disable")) {
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
      size_t i;
      json_t *o;
      int worst = 1;
      pause_ms(50);
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

static int top(const struct request *r)
{
   bool screen = isatty(STDOUT_FILENO) && !r->json;
   for (long i = 0; r->count < 0 || i < r->count; i++) {
      json_t *result;
      if (i > 0) {
         pause_ms(1000);
      }
      int status = ask(r, "status", &result);
      if (status != EXIT_SUCCESS) {
         return status;
      }
      if (screen) {
         fputs("\033[H\033[2J", stdout);
      }
      if (r->json) {
         json_dumpf(result, stdout, JSON_COMPACT);
         putchar('\n');
      } else {
         print_top(result);
      }
      json_decref(result);
      if (fflush(stdout) != 0) {
         return EXIT_FAILED;
      }
   }
   return EXIT_SUCCESS;
}

static void print_event_lines(const struct request *r, const json_t *result)
{
   size_t i;
   json_t *o;
   if (!r->json) {
      print_events(result);
      return;
   }
   json_array_foreach(json_object_get(result, "events"), i, o)
   {
      json_dumpf(o, stdout, JSON_COMPACT);
      putchar('\n');
   }
}

/* Prints events as they come, until the supervisor ends. */
static int follow_events(const struct request *r)
{
   json_int_t last = -1;
   for (;;) {
      json_t *result, *request = make_request(r, "events");
      if (last >= 0) {
         json_object_set_new(request, "after", json_integer(last));
         json_object_set_new(request, "limit", json_integer(1024));
      }
      int status = ask_for(r, request, &result);
      if (status != EXIT_SUCCESS) {
         return status;
      }
      print_event_lines(r, result);
      last = json_integer_value(json_object_get(result, "last"));
      json_decref(result);
      if (fflush(stdout) != 0) {
         return EXIT_FAILED;
      }
      pause_ms(500);
   }
}

/* Waits until the supervisor has decided on a reload on trial. */
static int wait_for_trial(const struct request *r)
{
   for (;;) {
      json_t *result;
      pause_ms(100);
      int status = ask(r, "info", &result);
      if (status != EXIT_SUCCESS) {
         return status;
      }
      const char *trial = print_text_of(result, "trial");
      bool back = trial != NULL && strcmp(trial, "rolled back") == 0;
      bool decided = trial == NULL || strcmp(trial, "running") != 0;
      json_decref(result);
      if (decided) {
         if (back) {
            fputs("supcli: a module failed, and the configuration before is back (supcli events)\n", stderr);
         }
         return back ? EXIT_FAILED : EXIT_SUCCESS;
      }
   }
}

static int run(const struct request *r)
{
   static const char *const waits[] = {"start", "enable", "stop", "disable", "restart", NULL};
   json_t *result;
   if (is(r, "top")) {
      return top(r);
   }
   if (is(r, "events") && r->follow) {
      return follow_events(r);
   }
   int status = ask(r, r->command, &result);
   if (status == EXIT_SUCCESS && r->wait && is_one_of(r->command, waits)) {
      status = wait_for(r, &result);
   }
   if (result != NULL) {
      print_result(r, result);
   }
   if (status == EXIT_SUCCESS && is(r, "reload") && r->rollback > 0) {
      status = wait_for_trial(r);
   }
   if (status == EXIT_SUCCESS && is(r, "check") && r->strict &&
       json_integer_value(json_object_get(result, "n_warnings")) > 0) {
      status = EXIT_FAILED;
   }
   if (status == EXIT_SUCCESS && is(r, "status") && r->n > 0) {
      size_t i;
      json_t *o;
      json_array_foreach(result, i, o)
      {
         static const char *const up[] = {"ready", "running", "starting", NULL};
         status = is_one_of(print_text_of(o, "state"), up) ? status : EXIT_NOT_RUNNING;
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

static bool read_number(const char *what, const char *text, long min, long *value)
{
   char *end;
   errno = 0;
   *value = strtol(text, &end, 10);
   if (errno != 0 || *text < '0' || *text > '9' || *end != 0 || *value < min || *value > 1000000) {
      fprintf(stderr, "supcli: %s \"%s\": expected a number from %ld to 1000000\n", what, text, min);
      return false;
   }
   return true;
}

static int choose(struct request *r, int old, int argc, char **argv)
{
   static const char *const commands[] = {"status", "start", "enable", "stop",    "disable", "restart",
                                          "reload", "diff",  "info",   "check",   "logs",    "events",
                                          "top",    "graph", "tap",    "metrics", NULL};
   static char reload[] = "reload";
   if (old == 'x' || old == 'i') {
      return run_code(r, old == 'x' ? "456987\n" : "113366\n");
   }
   r->command = old == 'r' ? reload : argc > 0 ? argv[0] : NULL;
   if (r->command == NULL) {
      int fd = connection_open(r->socket);
      int status = fd >= 0 && old_menu(fd) == 0 ? EXIT_SUCCESS : unreachable(r);
      close(fd);
      return status;
   }
   if (!is_one_of(r->command, commands)) {
      fprintf(stderr, "supcli: unknown command \"%s\" (supcli -h lists them)\n", r->command);
      return EXIT_USAGE;
   }
   r->names = argc > 1 ? argv + 1 : NULL;
   r->n = argc > 1 ? (size_t) (argc - 1) : 0;
   if (is(r, "tap") && r->n == 2) {
      if (!read_number("OUTPUT", argv[2], 0, &r->output)) {
         return EXIT_USAGE;
      }
      r->n = 1;
   }
   return run(r);
}

static bool set_format(struct request *r, const char *text)
{
   static const char *const formats[] = {"text", "dot", "mermaid", "json", NULL};
   r->format = text;
   if (!is_one_of(text, formats)) {
      fprintf(stderr, "supcli: --format %s: expected text, dot, mermaid or json\n", text);
      return false;
   }
   return true;
}

int main(int argc, char **argv)
{
   enum { JSON = 256, WAIT, STRICT, LINES, FOLLOW, FORMAT, SECONDS, ROLLBACK };
   static const struct option options[] = {{"json", no_argument, NULL, JSON},
                                           {"wait", no_argument, NULL, WAIT},
                                           {"strict", no_argument, NULL, STRICT},
                                           {"lines", required_argument, NULL, LINES},
                                           {"follow", no_argument, NULL, FOLLOW},
                                           {"format", required_argument, NULL, FORMAT},
                                           {"count", required_argument, NULL, 'n'},
                                           {"seconds", required_argument, NULL, SECONDS},
                                           {"rollback", required_argument, NULL, ROLLBACK},
                                           {"help", no_argument, NULL, 'h'},
                                           {"version", no_argument, NULL, 'V'},
                                           {NULL, 0, NULL, 0}};
   struct request r = {.socket = DEFAULT_SOCKET,
                       .format = "text",
                       .lines = -1,
                       .count = -1,
                       .seconds = -1,
                       .output = -1,
                       .rollback = -1};
   const char *name = program_invocation_short_name, *socket = getenv("socket");
   if (strcmp(name, "nemea_ipfixcol2") == 0) {
      int status = old_ipfixcol2(argc, argv);
      return nc_flush_stdout(name) || status != EXIT_SUCCESS ? status : EXIT_FAILED;
   }
   if (strcmp(name, "nemea_supervisor") == 0 || strcmp(name, "nemea-modulesinfo") == 0) {
      socket = socket != NULL ? socket : DEFAULT_SOCKET;
      int status = (strcmp(name, "nemea_supervisor") == 0 ? old_munin : old_modulesinfo)(socket, argc, argv);
      return nc_flush_stdout(name) || status != EXIT_SUCCESS ? status : EXIT_FAILED;
   }
   int old = 0;
   bool ok = true;
   for (int o; ok && (o = getopt_long(argc, argv, "s:xirn:hV", options, NULL)) != -1;) {
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
      case STRICT: r.strict = true; break;
      case FOLLOW: r.follow = true; break;
      case LINES: ok = read_number("--lines", optarg, 1, &r.lines); break;
      case 'n': ok = read_number("--count", optarg, 1, &r.count); break;
      case SECONDS: ok = read_number("--seconds", optarg, 1, &r.seconds); break;
      case ROLLBACK: ok = read_number("--rollback", optarg, 1, &r.rollback); break;
      case FORMAT: ok = set_format(&r, optarg); break;
      case 'h': help(stdout); return nc_flush_stdout("supcli") ? EXIT_SUCCESS : EXIT_FAILED;
      case 'V': puts("supcli " NEMEA_VERSION); return nc_flush_stdout("supcli") ? EXIT_SUCCESS : EXIT_FAILED;
      default: return EXIT_USAGE;
      }
   }
   if (!ok) {
      return EXIT_USAGE;
   }
   int status = choose(&r, old, argc - optind, argv + optind);
   return nc_flush_stdout("supcli") || status != EXIT_SUCCESS ? status : EXIT_FAILED;
}
