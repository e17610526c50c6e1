/* SPDX-License-Identifier: BSD-3-Clause */
/** Munin plugin of proto_traffic. Its name says what it shows: proto_traffic_bytes, proto_traffic_flows, proto_traffic_packets. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET      "/var/run/libtrap/munin_proto_traffic"
#define MAX_TEXT    65536 /* bytes of an answer; proto_traffic sends less than 1000 */
#define MAX_COLUMNS 256
#define SECONDS     5 /* that proto_traffic may take */

struct column {
   const char *name; /* of the protocol */
   const char *value;
};

static const char usage[] =
    "usage: proto_traffic_bytes|proto_traffic_flows|proto_traffic_packets [autoconf|suggest|config]\n\n"
    "Munin plugin: counters of each protocol, as the module proto_traffic counts them.\n"
    "Environment: socket=PATH  the module's socket (default " SOCKET ")\n";

static int error(const char *path, const char *what)
{
   fprintf(stderr, "proto_traffic_: socket %s: %s\n", path, what);
   return EXIT_FAILURE;
}

/* What proto_traffic says, up to the end of the connection. \return false: errno says why, 0 stands for too much text */
static bool read_text(const char *path, char text[MAX_TEXT])
{
   struct sockaddr_un address = {.sun_family = AF_UNIX};
   struct timeval timeout = {.tv_sec = SECONDS};
   size_t size = 0;
   ssize_t n = -1;
   if (strlen(path) >= sizeof(address.sun_path)) {
      errno = ENAMETOOLONG;
      return false;
   }
   strcpy(address.sun_path, path);
   int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
   if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
       connect(fd, (const struct sockaddr *) &address, sizeof(address)) == 0) {
      while ((n = recv(fd, text + size, MAX_TEXT - 1 - size, 0)) > 0) {
         size += (size_t) n;
      }
   }
   int reason = n == 0 && size == MAX_TEXT - 1 ? 0 : errno;
   if (fd >= 0) {
      close(fd);
   }
   text[size] = 0;
   errno = reason;
   return n == 0 && size < MAX_TEXT - 1;
}

static int by_name(const void *a, const void *b)
{
   return strcmp(((const struct column *) a)->name, ((const struct column *) b)->name);
}

/* The columns NAME-WHAT of a line of names and a line of values. \return their number; -1: the text has another form */
static int find_columns(char *text, const char *what, struct column columns[MAX_COLUMNS])
{
   char *values = strchr(text, '\n'), *save_name = NULL, *save_value = NULL;
   int n = 0;
   if (values == NULL) {
      return -1;
   }
   *values++ = 0;
   values[strcspn(values, "\n")] = 0;
   char *name = strtok_r(text, ",", &save_name), *value = strtok_r(values, ",", &save_value);
   for (; name != NULL && value != NULL && n < MAX_COLUMNS;
        name = strtok_r(NULL, ",", &save_name), value = strtok_r(NULL, ",", &save_value)) {
      char *dash = strrchr(name, '-');
      if (dash == NULL || value[strspn(value, "0123456789")] != 0) {
         return -1;
      }
      *dash = 0;
      if (strcmp(dash + 1, what) == 0) {
         columns[n++] = (struct column){name, value};
      }
   }
   qsort(columns, (size_t) n, sizeof(*columns), by_name);
   return name == NULL && value == NULL && n > 0 ? n : -1;
}

static void put_config(const char *what, const struct column *columns, int n)
{
   printf("graph_title Traffic L4 protocol - %s\ngraph_args -l 0\ngraph_category traffic-monitoring\n"
          "graph_vlabel %s/second\ngraph_info The number of %s per second per L4 protocol.\n",
          what, what, what);
   for (int i = 0; i < n; i++) {
      const char *name = columns[i].name;
      printf("%s.label %s\n%s.type DERIVE\n%s.draw AREASTACK\n%s.min 0\n", name, name, name, name, name);
   }
}

int main(int argc, char **argv)
{
   static char text[MAX_TEXT];
   struct column columns[MAX_COLUMNS];
   const char *command = argc > 1 ? argv[1] : "", *end = strrchr(argv[0], '_'), *path = getenv("socket");
   const char *what = end != NULL ? end + 1 : "";
   path = path != NULL ? path : SOCKET;
   if (strcmp(command, "autoconf") == 0) {
      puts("yes");
      return EXIT_SUCCESS;
   }
   if (strcmp(command, "-h") == 0 || strcmp(command, "--help") == 0) {
      fputs(usage, stdout);
      return EXIT_SUCCESS;
   }
   if (strcmp(command, "suggest") == 0) {
      puts("packets\nflows\nbytes");
      return EXIT_SUCCESS;
   }
   if (strcmp(what, "bytes") != 0 && strcmp(what, "flows") != 0 && strcmp(what, "packets") != 0) {
      fprintf(stderr, "%s: the name must end in _bytes, _flows or _packets\n", argv[0]);
      return EXIT_FAILURE;
   }
   if (!read_text(path, text)) {
      return error(path, errno != 0 ? strerror(errno) : "the answer is too long");
   }
   int n = find_columns(text, what, columns);
   if (n < 0) {
      return error(path, "the answer is not a line of names and a line of values");
   }
   if (strcmp(command, "config") == 0) {
      put_config(what, columns, n);
   }
   for (int i = 0; *command == 0 && i < n; i++) {
      printf("%s.value %s\n", columns[i].name, columns[i].value);
   }
   return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
