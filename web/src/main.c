/* SPDX-License-Identifier: BSD-3-Clause */
/** nemea_page: the live page of a deployment. */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <nemea-common/nc_notify.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_LISTEN  "127.0.0.1:8080"
#define DEFAULT_ARCHIVE "/var/lib/nemea/flows"
#define PEM_MAX         (1u << 20)
#define GEOIP_MAX       4

enum { EXIT_USAGE = 2 };

struct options {
   const char *listen, *cert, *key, *token, *metrics_token;
   char *geoip[GEOIP_MAX];
   const char *hosts[GUARD_HOSTS];
   unsigned n_hosts;
   struct enrich_options enrich;
   struct sources sources;
};

static void print_help(FILE *to)
{
   fputs(
       "usage: nemea_page [OPTION...]\n"
       "\n"
       "Serves the live page of a deployment: traffic, alerts, hosts, the modules and the system, and an "
       "HTTP API. At its\n"
       "start it prints an address with a one-time token, which a browser exchanges for a session; the next "
       "token is then in\n"
       "the file of --token. Programs that do not answer leave their part of the page empty, with the "
       "reason.\n"
       "\n"
       "  -l, --listen ADDRESS:PORT   where browsers connect to (default: " DEFAULT_LISTEN
       "; an IPv6 address in brackets; port 0:\n"
       "                              a free one). Other addresses than those of this machine need TLS\n"
       "      --tls-cert FILE         certificate and chain, PEM\n"
       "      --tls-key FILE          its key, PEM\n"
       "      --host NAME             a further name under which browsers may ask for the page; may be "
       "repeated\n"
       "  -t, --token FILE            the one-time token is written to this file, and sessions are kept in "
       "FILE.sessions\n"
       "      --metrics-token FILE    whoever sends the first line of this file as bearer token gets "
       "/metrics, and names of\n"
       "                              modules of /readyz\n"
       "  -s, --supervisor SOCKET     path of the supervisor's socket (default: " DEFAULT_SUPERVISOR ")\n"
       "  -a, --alerts SOCKET         socket of alert_store: a path, or a name in the directories of TRAP's "
       "sockets\n"
       "                              (default: alert_store)\n"
       "      --traffic SOCKET        the same of traffic_stats (default: traffic_stats)\n"
       "      --archive DIR           directory of flow_archive (default: " DEFAULT_ARCHIVE ")\n"
       "      --networks FILE         labels of own networks: a line PREFIX LABEL each, # begins a comment\n"
       "      --geoip FILE[,FILE]     countries and networks (AS) of addresses, databases of MaxMind's form "
       "(.mmdb). Without it,\n"
       "                              GeoLite2 and GeoIP2 databases in the usual directories are used\n"
       "      --resolver              ask DNS for the names of addresses that are shown\n"
       "  -V, --version               print the version and exit\n"
       "  -h, --help                  this text\n"
       "\n"
       "SIGUSR1 prints the address with the current token again.\n"
       "Exit status: 0 ended by SIGTERM or SIGINT; 1 something failed; 2 invalid command line.\n",
       to);
}

static bool complain(const char *option, const char *value, const char *why)
{
   fprintf(stderr, "nemea_page: option %s %s: %s\n", option, value, why);
   return false;
}

/* -------------------------------------------------------------------- options */

enum {
   OPT_CERT = 256,
   OPT_KEY,
   OPT_HOST,
   OPT_METRICS,
   OPT_TRAFFIC,
   OPT_ARCHIVE,
   OPT_NETWORKS,
   OPT_GEOIP,
   OPT_RESOLVER
};

static const struct option long_options[] = {{"listen", required_argument, NULL, 'l'},
                                             {"tls-cert", required_argument, NULL, OPT_CERT},
                                             {"tls-key", required_argument, NULL, OPT_KEY},
                                             {"host", required_argument, NULL, OPT_HOST},
                                             {"token", required_argument, NULL, 't'},
                                             {"metrics-token", required_argument, NULL, OPT_METRICS},
                                             {"supervisor", required_argument, NULL, 's'},
                                             {"alerts", required_argument, NULL, 'a'},
                                             {"traffic", required_argument, NULL, OPT_TRAFFIC},
                                             {"archive", required_argument, NULL, OPT_ARCHIVE},
                                             {"networks", required_argument, NULL, OPT_NETWORKS},
                                             {"geoip", required_argument, NULL, OPT_GEOIP},
                                             {"resolver", no_argument, NULL, OPT_RESOLVER},
                                             {"version", no_argument, NULL, 'V'},
                                             {"help", no_argument, NULL, 'h'},
                                             {NULL, 0, NULL, 0}};

static bool add_geoip(struct options *o, char *list)
{
   for (char *rest, *path = strtok_r(list, ",", &rest); path != NULL; path = strtok_r(NULL, ",", &rest)) {
      if (o->enrich.n_geoip == GEOIP_MAX) {
         return complain("--geoip", path, "more than 4 databases");
      }
      o->geoip[o->enrich.n_geoip++] = path;
   }
   return true;
}

static bool add_host(struct options *o, const char *name)
{
   if (o->n_hosts + 4 >= GUARD_HOSTS) {
      return complain("--host", name, "too many names");
   }
   o->hosts[o->n_hosts++] = name;
   return true;
}

/* \return -1: go on; else the exit status */
static int take_option(int c, struct options *o)
{
   switch (c) {
   case 'l': o->listen = optarg; break;
   case OPT_CERT: o->cert = optarg; break;
   case OPT_KEY: o->key = optarg; break;
   case OPT_HOST: return add_host(o, optarg) ? -1 : EXIT_USAGE;
   case 't': o->token = optarg; break;
   case OPT_METRICS: o->metrics_token = optarg; break;
   case 's': o->sources.supervisor = optarg; break;
   case 'a': o->sources.alerts = optarg; break;
   case OPT_TRAFFIC: o->sources.traffic = optarg; break;
   case OPT_ARCHIVE: o->sources.archive = optarg; break;
   case OPT_NETWORKS: o->enrich.networks = optarg; break;
   case OPT_GEOIP: return add_geoip(o, optarg) ? -1 : EXIT_USAGE;
   case OPT_RESOLVER: o->enrich.resolver = true; break;
   case 'V': puts("nemea_page " NEMEA_VERSION); return EXIT_SUCCESS;
   case 'h': print_help(stdout); return EXIT_SUCCESS;
   default: fputs("nemea_page: see nemea_page --help\n", stderr); return EXIT_USAGE;
   }
   return -1;
}

static int parse_options(int argc, char **argv, struct options *o)
{
   int c, status;
   while ((c = getopt_long(argc, argv, "l:t:s:a:Vh", long_options, NULL)) != -1) {
      if ((status = take_option(c, o)) >= 0) {
         return status;
      }
   }
   if (optind < argc) {
      fprintf(stderr, "nemea_page: unexpected argument %s (see nemea_page --help)\n", argv[optind]);
      return EXIT_USAGE;
   }
   if ((o->cert == NULL) != (o->key == NULL)) {
      fputs("nemea_page: --tls-cert and --tls-key belong together\n", stderr);
      return EXIT_USAGE;
   }
   return -1;
}

/* ------------------------------------------------------------------- listening */

struct address {
   union {
      struct sockaddr any;
      struct sockaddr_in four;
      struct sockaddr_in6 six;
   } u;
   socklen_t size;
   char name[INET6_ADDRSTRLEN + 2]; /* as it stands in addresses of pages */
   unsigned port;
   bool loopback, all;
};

static bool parse_listen(const char *text, struct address *a)
{
   char host[INET6_ADDRSTRLEN + 2] = "";
   const char *colon = strrchr(text, ':');
   size_t length = colon != NULL ? (size_t) (colon - text) : 0;
   char *end = NULL;
   unsigned long port =
       colon != NULL && colon[1] >= '0' && colon[1] <= '9' ? strtoul(colon + 1, &end, 10) : UINT_MAX;
   memset(a, 0, sizeof(*a));
   if (length == 0 || length >= sizeof(host) || port > 65535 || *end != 0) {
      return false;
   }
   memcpy(host, text, length);
   memcpy(a->name, host, sizeof(host));
   a->port = (unsigned) port;
   if (host[0] == '[' && host[length - 1] == ']') {
      host[length - 1] = 0;
      a->u.six.sin6_family = AF_INET6;
      a->u.six.sin6_port = htons((uint16_t) port);
      a->size = sizeof(a->u.six);
      bool good = inet_pton(AF_INET6, host + 1, &a->u.six.sin6_addr) == 1;
      a->loopback = IN6_IS_ADDR_LOOPBACK(&a->u.six.sin6_addr);
      a->all = IN6_IS_ADDR_UNSPECIFIED(&a->u.six.sin6_addr);
      return good;
   }
   a->u.four.sin_family = AF_INET;
   a->u.four.sin_port = htons((uint16_t) port);
   a->size = sizeof(a->u.four);
   bool good = inet_pton(AF_INET, host, &a->u.four.sin_addr) == 1;
   a->loopback = ntohl(a->u.four.sin_addr.s_addr) >> 24 == 127;
   a->all = a->u.four.sin_addr.s_addr == 0;
   return good;
}

/* \return a listening socket; -1 with errno */
static int listen_on(struct address *a)
{
   int on = 1;
   socklen_t size = a->size;
   int fd = socket(a->u.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
   if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
       bind(fd, &a->u.any, a->size) == 0 && listen(fd, 1024) == 0 && getsockname(fd, &a->u.any, &size) == 0) {
      a->port = ntohs(a->u.any.sa_family == AF_INET ? a->u.four.sin_port : a->u.six.sin6_port);
      return fd;
   }
   if (fd >= 0) {
      int failed = errno;
      close(fd);
      errno = failed;
   }
   return -1;
}

static bool set_hosts(const struct options *o, const struct address *a, struct guard *g)
{
   char name[256] = "";
   guard_init(g, o->cert != NULL, a->port);
   if (a->loopback || a->all) {
      (void) guard_add_host(g, "localhost");
      (void) guard_add_host(g, "127.0.0.1");
      (void) guard_add_host(g, "[::1]");
   }
   if (!a->all) {
      (void) guard_add_host(g, a->name);
   } else if (gethostname(name, sizeof(name) - 1) == 0) {
      (void) guard_add_host(g, name);
   }
   for (unsigned i = 0; i < o->n_hosts; i++) {
      if (!guard_add_host(g, o->hosts[i])) {
         return complain(
             "--host", o->hosts[i],
             "expected a name of letters, digits, '.', '-' and '_', or an address, without a port");
      }
   }
   return true;
}

/* ----------------------------------------------------------------------- files */

/* A small file as a text, to be freed. \return NULL with a message */
static char *read_text(const char *option, const char *path)
{
   FILE *file = fopen(path, "re");
   char *text = file != NULL ? calloc(1, PEM_MAX + 1) : NULL;
   size_t n = text != NULL ? fread(text, 1, PEM_MAX, file) : 0;
   if (n == 0) {
      complain(option, path, file == NULL ? strerror(errno) : "the file is empty or cannot be read");
      free(text);
      text = NULL;
   }
   if (file != NULL) {
      fclose(file);
   }
   return text;
}

static char *read_metrics_token(const char *path)
{
   char *text = read_text("--metrics-token", path);
   if (text != NULL) {
      text[strcspn(text, "\r\n")] = 0;
      if (strlen(text) < 16) {
         complain("--metrics-token", path, "its first line is shorter than 16 characters");
         free(text);
         text = NULL;
      }
   }
   return text;
}

/* The program nemea: beside this one, where this one was called, or in PATH. */
static void find_nemea(const char *called, char path[PATH_MAX])
{
   const char *search = getenv("PATH");
   ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 16);
   for (unsigned i = 0; i < 2; i++) {
      if (i == 1) {
         snprintf(path, PATH_MAX - 16, "%s", called);
      } else {
         path[n > 0 ? n : 0] = 0;
      }
      char *slash = strrchr(path, '/');
      if (slash != NULL) {
         strcpy(slash + 1, "nemea");
         if (access(path, X_OK) == 0) {
            return;
         }
      }
   }
   while (search != NULL && *search != 0) {
      size_t length = strcspn(search, ":");
      if (length > 0 && snprintf(path, PATH_MAX, "%.*s/nemea", (int) length, search) < PATH_MAX &&
          access(path, X_OK) == 0) {
         return;
      }
      search += length + (search[length] == ':');
   }
   strcpy(path, "nemea");
}

/* ------------------------------------------------------------------------- run */

static void print_address(const struct options *o, const struct address *a, struct server *s)
{
   char token[TOKEN_SIZE];
   const char *host = o->n_hosts > 0 ? o->hosts[0] : a->all ? "localhost" : a->name;
   server_token(s, token);
   printf("%s://%s:%u/?token=%s\n", o->cert != NULL ? "https" : "http", host, a->port, token);
   fflush(stdout);
}

static void run(const struct options *o, const struct address *a, struct server *s, const sigset_t *signals)
{
   static const struct timespec second = {.tv_sec = 1};
   uint64_t watchdog = nc_notify_interval();
   print_address(o, a, s);
   nc_notify("READY=1");
   for (;;) {
      int signal = sigtimedwait(signals, NULL, &second);
      if (signal == SIGTERM || signal == SIGINT) {
         return;
      }
      if (signal == SIGUSR1) {
         print_address(o, a, s);
      }
      server_tick(s);
      if (watchdog != 0) {
         nc_notify("WATCHDOG=1");
      }
   }
}

static int serve(const struct options *o, struct address *a, struct server_options *so,
                 const sigset_t *signals)
{
   char why[5000];
   so->listener = listen_on(a);
   if (so->listener < 0) {
      complain("--listen", o->listen, strerror(errno));
      return EXIT_FAILURE;
   }
   struct server *s = NULL;
   int status = EXIT_USAGE;
   if (set_hosts(o, a, &so->guard)) {
      status = EXIT_FAILURE;
      so->enrich = enrich_open(&o->enrich, why, sizeof(why));
      s = so->enrich != NULL ? server_start(so, why, sizeof(why)) : NULL;
      if (s == NULL) {
         fprintf(stderr, "nemea_page: %s\n", why);
      }
   }
   if (s == NULL) {
      close(so->listener);
   } else {
      run(o, a, s, signals);
      server_stop(s);
      status = EXIT_SUCCESS;
   }
   enrich_close(so->enrich);
   return status;
}

int main(int argc, char **argv)
{
   struct options o = {.listen = DEFAULT_LISTEN,
                       .sources = {.supervisor = DEFAULT_SUPERVISOR,
                                   .alerts = "alert_store",
                                   .traffic = "traffic_stats",
                                   .archive = DEFAULT_ARCHIVE}};
   struct server_options so = {.metrics_token = ""};
   struct address a;
   char nemea[PATH_MAX], *metrics = NULL, *cert = NULL, *key = NULL;
   sigset_t signals;
   int status = parse_options(argc, argv, &o);
   if (status >= 0) {
      return status;
   }
   if (!parse_listen(o.listen, &a)) {
      complain("--listen", o.listen, "expected ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080");
      return EXIT_USAGE;
   }
   if (!a.loopback && o.cert == NULL) {
      complain("--listen", o.listen,
               "whoever is on the way could read and change everything: --tls-cert and --tls-key are needed");
      return EXIT_USAGE;
   }
   umask(077);
   prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
   setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* tokens are in memory */
   sigemptyset(&signals);
   sigaddset(&signals, SIGTERM);
   sigaddset(&signals, SIGINT);
   sigaddset(&signals, SIGUSR1);
   sigprocmask(SIG_BLOCK, &signals, NULL);
   signal(SIGPIPE, SIG_IGN);
   find_nemea(argv[0], nemea);
   o.sources.nemea = nemea;
   o.enrich.geoip = (const char *const *) o.geoip;
   so.sources = o.sources;
   so.token_file = o.token;
   bool good = (o.metrics_token == NULL || (metrics = read_metrics_token(o.metrics_token)) != NULL) &&
               (o.cert == NULL || ((cert = read_text("--tls-cert", o.cert)) != NULL &&
                                   (key = read_text("--tls-key", o.key)) != NULL));
   so.metrics_token = metrics != NULL ? metrics : "";
   so.cert = cert;
   so.key = key;
   status = good ? serve(&o, &a, &so, &signals) : EXIT_FAILURE;
   free(metrics);
   free(cert);
   free(key);
   return status;
}
