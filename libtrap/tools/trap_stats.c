/* SPDX-License-Identifier: BSD-3-Clause */
/** trap_stats: shows the counters of a running module, asked over its service socket. */
#include <libtrap/jansson.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <nemea-common/nc_text.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "socket_path.h"

#define REPLY_MAX  (16u * 1024 * 1024)
#define IO_SECONDS 5
#define PERIOD     3
#define GET_STATS  10
#define REPLY_OK   12
#define PSEUDO     "extended_input_interface_info"

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
   stop = signal;
}

static void print_help(FILE *f)
{
   fputs("Usage: trap_stats [-h] [-1] [-w [SECONDS]] [-s PATH] [PID or PATH]\n"
         "Shows the counters of a module's interfaces.\n\n"
         "  -1                  print once, then exit\n"
         "  -w, --watch[=SEC]   rates of all interfaces and clients, updated every SEC seconds (1)\n"
         "  -s PATH             path of the module's service socket\n"
         "  -h, --help          this text\n\n"
         "PID is the process ID of the module. Its socket is searched for in TRAP_SOCKET_DIR; without "
         "that in\n"
         "$RUNTIME_DIRECTORY, /run/nemea, $XDG_RUNTIME_DIR and " DEFAULTSOCKETDIR ".\n",
         f);
}

/* ---------------------------------------------------------------- requests */

/* arg: number of a process, or path of a socket; -1: why is printed */
static int connect_to(const char *arg)
{
   const struct timeval limit = {.tv_sec = IO_SECONDS};
   char why[SOCKET_REASON_SIZE], name[64];
   struct socket_dirs dirs;
   int fd;
   if (*arg != 0 && strlen(arg) < 20 && arg[strspn(arg, "0123456789")] == 0) {
      snprintf(name, sizeof(name), "service_%s", arg);
      fd = socket_dirs_init(&dirs, DEFAULTSOCKETDIR, why);
      if (fd == 0) {
         fd = socket_connect(&dirs, name, why);
         socket_dirs_free(&dirs);
      }
   } else {
      fd = socket_connect_path(arg);
      snprintf(why, sizeof(why), "%s", fd < 0 ? strerror(-fd) : "");
   }
   if (fd == -ENOENT) {
      nc_text_line(stderr, "", "Socket does not exist (%s): %s.", arg, why);
      return -1;
   }
   if (fd < 0) {
      nc_text_line(stderr, "", "Could not connect to service ifc (path: %s): %s.", arg, why);
      return -1;
   }
   if (fcntl(fd, F_SETFL, 0) < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
       setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0) {
      fprintf(stderr, "trap_stats: cannot set a time limit for the connection: %s\n", strerror(errno));
      close(fd);
      return -1;
   }
   return fd;
}

static bool read_all(int fd, void *to, size_t size)
{
   for (size_t got = 0; got < size;) {
      ssize_t n = recv(fd, (uint8_t *) to + got, size - got, 0);
      if (n == 0 || (n < 0 && errno != EINTR)) { /* with a timeout, also SIGCONT interrupts it */
         return false;
      }
      got += n > 0 ? (size_t) n : 0;
   }
   return true;
}

/* One reading; NULL when the module is gone or does not speak the protocol. */
static json_t *ask(int fd)
{
   uint8_t header[8] = {GET_STATS};
   uint32_t size;
   if (send(fd, header, sizeof(header), MSG_NOSIGNAL) != (ssize_t) sizeof(header) ||
       !read_all(fd, header, sizeof(header))) {
      return NULL;
   }
   memcpy(&size, header + 4, sizeof(size));
   if (header[0] != REPLY_OK || size == 0 || size > REPLY_MAX) {
      return NULL;
   }
   char *text = malloc(size);
   json_t *o = text != NULL && read_all(fd, text, size) ? json_loadb(text, size - 1, 0, NULL) : NULL;
   free(text);
   return o;
}

/* -------------------------------------------------------------------- text */

static bool missing; /* a key that the text needs was not there */

static const json_t *get(const json_t *o, const char *key)
{
   const json_t *v = json_object_get(o, key);
   if (v == NULL && !missing) {
      fprintf(stderr, "[ERROR] The reply lacks the key '%s'.\n", key);
      missing = true;
   }
   return v;
}

static long long number(const json_t *o, const char *key)
{
   const json_t *v = get(o, key);
   return json_is_string(v) ? strtoll(json_string_value(v), NULL, 10) : json_integer_value(v);
}

/* A text of the reply, which is not trusted. At most two are needed in one call. */
static const char *shown(const json_t *v, const char *instead)
{
   static char texts[2][256];
   static unsigned next;
   char *text = texts[next++ % 2];
   const char *s = json_string_value(v);
   nc_text_terminal(text, sizeof(texts[0]), s != NULL ? s : instead,
                    s != NULL ? json_string_length(v) : strlen(instead));
   return text;
}

static const char *text_of(const json_t *o, const char *key)
{
   return shown(get(o, key), "(null)");
}

/* A type of interface, which is a letter. */
static char letter_of(const json_t *o, const char *key)
{
   long long c = number(o, key);
   return c > ' ' && c <= '~' ? (char) c : '?';
}

static void print_clients(const json_t *clients)
{
   size_t i;
   json_t *c;
   if (json_array_size(clients) > 0) {
      printf("\tClient statistics:\n");
   }
   json_array_foreach(clients, i, c)
   {
      if (i == 0) {
         printf(
             "\t\tID: %s, RECV CONTAINERS: %lld, RECV MESSAGES: %lld, LOST MESSAGES: %lld, LOST %%: %.2f%%\n",
             text_of(c, "id"), number(c, "sent_containers"), number(c, "sent_messages"),
             number(c, "skipped_messages"), json_number_value(get(c, "skipped_percentage")));
         continue;
      }
      printf("\t\tID: %lld, SENT CONTAINERS: %lld, SENT MESSAGES: %lld, SKIPPED MESSAGES: %lld, SKIPPED %%: "
             "%.2f%%\n",
             number(c, "id"), number(c, "sent_containers"), number(c, "sent_messages"),
             number(c, "skipped_messages"), json_number_value(get(c, "skipped_percentage")));
   }
}

/* What the module itself counts, when it says so. */
static void print_module(const json_t *o)
{
   const json_t *module = json_object_get(o, "module");
   const char *name = json_string_value(json_object_get(module, "name")), *key;
   json_t *value;
   if (module == NULL) {
      return;
   }
   printf("Counters of module %s:\n", name != NULL ? name : "(unnamed)");
   json_object_foreach(json_object_get(module, "counters"), key, value)
   {
      printf("\t%s: %lld\n", key, (long long) json_integer_value(value));
   }
}

static void print_reading(const json_t *o)
{
   size_t i;
   json_t *ifc;
   printf("Input interfaces: %lld\n", number(o, "in_cnt"));
   json_array_foreach(get(o, "in"), i, ifc)
   {
      printf("\tID: %s, TYPE: %c, IS_CONN: %lld, RM: %lld, RB: %lld, DELAY_LAST [us]: %lld, DELAY_TOTAL [s]: "
             "%lld\n",
             text_of(ifc, "ifc_id"), letter_of(ifc, "ifc_type"), number(ifc, "ifc_state"),
             number(ifc, "messages"), number(ifc, "buffers"), number(ifc, "delay_last"),
             number(ifc, "delay_total"));
   }
   printf("Output interfaces: %lld\n", number(o, "out_cnt"));
   json_array_foreach(get(o, "out"), i, ifc)
   {
      printf("\tID: %s, TYPE: %c, NUM_CLI: %lld, SM: %lld, DM: %lld, SB: %lld, AF: %lld\n",
             text_of(ifc, "ifc_id"), letter_of(ifc, "ifc_type"), number(ifc, "num_clients"),
             number(ifc, "sent-messages"), number(ifc, "dropped-messages"), number(ifc, "buffers"),
             number(ifc, "autoflushes"));
      print_clients(get(ifc, "client_stats_arr"));
   }
   print_module(o);
   fflush(stdout);
}

/* ------------------------------------------------------------------- watch */

/* The same element of the reading before, if it is the same thing. */
static const json_t *before(const json_t *list, const json_t *now, const char *key)
{
   size_t i;
   json_t *o;
   json_array_foreach(list, i, o)
   {
      if (json_equal(json_object_get(o, key), json_object_get(now, key)) &&
          json_equal(json_object_get(o, "connected_since"), json_object_get(now, "connected_since"))) {
         return o;
      }
   }
   return NULL;
}

static double rate(const json_t *old, const json_t *now, const char *key, double seconds)
{
   return old == NULL || seconds <= 0 ? 0 : (double) (number(now, key) - number(old, key)) / seconds;
}

static void watch_clients(const json_t *old, const json_t *now, double seconds)
{
   size_t i;
   json_t *c;
   json_array_foreach(now, i, c)
   {
      const json_t *was = before(old, c, "id");
      if (i == 0) {
         continue; /* totals of the inputs */
      }
      const char *transport = shown(json_object_get(c, "transport"), "stream");
      long long since = json_integer_value(json_object_get(c, "connected_since"));
      printf("   client %-13lld %12.0f %12.0f %14lld  %s, %llds, backlog %lld B\n", number(c, "id"),
             rate(was, c, "sent_messages", seconds), rate(was, c, "skipped_messages", seconds),
             number(c, "skipped_messages"), transport, since > 0 ? (long long) time(NULL) - since : 0,
             (long long) json_integer_value(json_object_get(c, "backlog_bytes")));
   }
}

static void watch_reading(const json_t *old, const json_t *now, double seconds)
{
   size_t i;
   json_t *ifc;
   if (isatty(STDOUT_FILENO)) {
      printf("\033[H\033[2J");
   }
   printf("interface             messages/s       lost/s     lost in all\n");
   json_array_foreach(get(now, "in"), i, ifc)
   {
      const json_t *was = json_array_get(json_object_get(old, "in"), i);
      bool counts = json_object_get(ifc, "missed_messages") != NULL;
      printf("in  %c:%-14.14s %12.0f %12.0f %14lld  %s\n", letter_of(ifc, "ifc_type"), text_of(ifc, "ifc_id"),
             rate(was, ifc, "messages", seconds), counts ? rate(was, ifc, "missed_messages", seconds) : 0,
             counts ? number(ifc, "missed_messages") : 0,
             number(ifc, "ifc_state") != 0 ? "connected" : "waiting");
   }
   json_array_foreach(get(now, "out"), i, ifc)
   {
      const json_t *was = json_array_get(json_object_get(old, "out"), i);
      printf("out %c:%-14.14s %12.0f %12.0f %14lld  %lld clients\n", letter_of(ifc, "ifc_type"),
             text_of(ifc, "ifc_id"), rate(was, ifc, "sent-messages", seconds),
             rate(was, ifc, "dropped-messages", seconds), number(ifc, "dropped-messages"),
             number(ifc, "num_clients"));
      watch_clients(json_object_get(was, "client_stats_arr"), get(ifc, "client_stats_arr"), seconds);
   }
   printf("\n");
   fflush(stdout);
}

/* -------------------------------------------------------------------- main */

static int watch(int fd, double period)
{
   json_t *old = NULL;
   struct timespec last = {0}, now;
   const struct timespec nap = {.tv_sec = (time_t) period,
                                .tv_nsec = (long) ((period - (double) (time_t) period) * 1e9)};
   while (!stop && !missing) {
      json_t *reading = ask(fd);
      if (reading == NULL) {
         fprintf(stderr, "The module does not answer any more.\n");
         break;
      }
      clock_gettime(CLOCK_MONOTONIC, &now);
      double seconds = (double) (now.tv_sec - last.tv_sec) + (double) (now.tv_nsec - last.tv_nsec) / 1e9;
      if (old != NULL) {
         watch_reading(old, reading, seconds);
      }
      json_decref(old);
      old = reading;
      last = now;
      nanosleep(&nap, NULL);
   }
   json_decref(old);
   return stop && !missing ? 0 : 1;
}

static void print_legend(void)
{
   printf("\033[31;1mPress Ctrl-C to end.\033[0m\n"
          "Legend:\n"
          "   IS_CONN - input is connected        NUM_CLI - connected clients\n"
          "   RM - received messages              RB - received buffers\n"
          "   SM - sent messages                  DM - dropped messages\n"
          "   SB - sent buffers                   AF - autoflushes\n"
          "---------------------------------------------------------------\n");
}

static int repeat(int fd, bool once)
{
   const struct timespec nap = {.tv_sec = PERIOD};
   if (!once) {
      print_legend();
   }
   while (!stop) {
      json_t *o = ask(fd);
      if (o == NULL) {
         fprintf(stderr, "The module does not answer.\n");
         return 1;
      }
      print_reading(o);
      json_decref(o);
      if (once || missing) {
         break;
      }
      printf("- - - %d seconds waiting - - -\n\n", PERIOD);
      fflush(stdout);
      nanosleep(&nap, NULL);
   }
   return missing ? 1 : 0;
}

static int run(int argc, char **argv)
{
   static const struct option options[] = {
       {"help", no_argument, NULL, 'h'}, {"watch", optional_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
   const char *module = NULL;
   bool once = false;
   double period = 0;
   int opt;
   while ((opt = getopt_long(argc, argv, "h1w::s:", options, NULL)) != -1) {
      switch (opt) {
      case 'h': print_help(stdout); return 0;
      case '1': once = true; break;
      case 'w': period = optarg != NULL ? strtod(optarg, NULL) : 1; break;
      case 's': module = optarg; break;
      default: print_help(stderr); return 1;
      }
      if (opt == 'w' && !(period >= 0.1 && period <= 3600)) {
         fprintf(stderr, "trap_stats: bad period '%s' (expected 0.1 to 3600 seconds).\n", optarg);
         return 1;
      }
   }
   if (argc - optind + (module != NULL) != 1) {
      fprintf(stderr,
              "trap_stats: %s (expected one process number or path of a service socket; -h for help)\n",
              argc == optind ? "no module given" : "more than one module given");
      return 1;
   }
   module = module != NULL ? module : argv[optind];
   struct sigaction sa = {.sa_handler = on_signal};
   sigaction(SIGINT, &sa, NULL);
   sigaction(SIGTERM, &sa, NULL);
   int fd = connect_to(module);
   if (fd < 0) {
      return 1;
   }
   int rc = period > 0 ? watch(fd, period) : repeat(fd, once);
   close(fd);
   return rc;
}

int main(int argc, char **argv)
{
   int rc = run(argc, argv);
   return nc_flush_stdout("trap_stats") ? rc : EXIT_FAILURE;
}
