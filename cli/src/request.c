/* SPDX-License-Identifier: BSD-3-Clause */
/** nemea analyze: its command line. */
#include "request.h"

#include "detectors.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define JSON_VERSION 2 /* newest of the reports */

/* Options without a letter. */
enum {
   OPT_SINCE = 256,
   OPT_UNTIL,
   OPT_DETECTORS,
   OPT_LIST_DETECTORS,
   OPT_DETAILS,
   OPT_GEOIP,
   OPT_FOLLOW,
   OPT_COLLECT
};

static const struct option options[] = {{"interface", required_argument, NULL, 'i'},
                                        {"json", optional_argument, NULL, 'j'},
                                        {"csv", required_argument, NULL, 'c'},
                                        {"collect", required_argument, NULL, OPT_COLLECT},
                                        {"html", required_argument, NULL, 'w'},
                                        {"blacklist", required_argument, NULL, 'b'},
                                        {"follow", no_argument, NULL, OPT_FOLLOW},
                                        {"geoip", required_argument, NULL, OPT_GEOIP},
                                        {"detectors", required_argument, NULL, OPT_DETECTORS},
                                        {"list-detectors", no_argument, NULL, OPT_LIST_DETECTORS},
                                        {"details", no_argument, NULL, OPT_DETAILS},
                                        {"verbose", no_argument, NULL, 'v'},
                                        {"help", no_argument, NULL, 'h'},
                                        {"filter", required_argument, NULL, 'F'},
                                        {"since", required_argument, NULL, OPT_SINCE},
                                        {"until", required_argument, NULL, OPT_UNTIL},
                                        {"read", required_argument, NULL, 'r'},
                                        {"version", no_argument, NULL, 'V'},
                                        {NULL, 0, NULL, 0}};

void cli_analyze_help(FILE *to)
{
   fputs(
       "usage: nemea analyze [OPTION...] FILE...\n"
       "       nemea analyze [OPTION...] -i INTERFACE\n"
       "       nemea analyze [OPTION...] --collect PORT\n"
       "\n"
       "Finds attacks in captures (pcap, pcapng, also compressed with gzip, bzip2, xz, lz4\n"
       "or zstd), flow records (.trapcap) or the\n"
       "CSV of logger -t. FILE - is standard input, which like any pipe is a capture; a directory is all "
       "files in\n"
       "it. Several files are analysed as one stream:\n"
       "captures are merged by packet time, flow files are read in the order given. A capture of export\n"
       "packets (NetFlow, IPFIX, sFlow over UDP) or an IPFIX file is read as the flows that they tell of.\n"
       "With -i it captures until Ctrl-C, shows alerts as they come, and reports at the end.\n"
       "\n"
       "  -r, --read FILE       same as FILE; may be repeated\n"
       "  -F, --filter TEXT     packets that match only (pcap-filter(7), as of tcpdump)\n"
       "      --since TIME      packets from this time on only: UTC, 2026-11-24T13:16:33 or less of it, or "
       "seconds\n"
       "                        since 1970\n"
       "      --until TIME      packets before this time only\n"
       "  -i, --interface NAME  capture from this interface (needs the right to capture)\n"
       "      --collect PORT    receive NetFlow, IPFIX and sFlow of routers and probes at this port (UDP, "
       "and "
       "IPFIX over\n"
       "                        TCP), or HOST:PORT, until Ctrl-C; alerts are shown as they come\n"
       "      --follow          the capture (or directory of captures) is still being written: read on until "
       "Ctrl-C; "
       "alerts are\n"
       "                        shown as they come, and the report is that of the whole\n"
       "  -j, --json[=VERSION]  report as JSON on standard output; 2 (default) has events as "
       "docs/event.schema.json\n"
       "                        describes them, 1 has the keys of older releases\n"
       "  -c, --csv DIR         also write alerts.csv and flows.csv into this directory (created if "
       "missing)\n"
       "  -w, --html FILE       also write a self-contained page with plots\n"
       "  -b, --blacklist FILE  also report contacts with what this file lists: addresses, networks, domain\n"
       "                        names, URLs, one on each line\n"
       "      --geoip FILE      say the country and the network (AS) of addresses, as this database of "
       "MaxMind's "
       "form\n"
       "                        (.mmdb) knows them; may be repeated. Without it, GeoLite2 and GeoIP2 "
       "databases in "
       "the\n"
       "                        usual directories are used\n"
       "      --details         say of each event why it is one, how sure that is and why, and which scans "
       "a\n"
       "                        run of one source was joined of (reports in JSON always do)\n"
       "      --detectors LIST  run these detectors only; names separated by commas\n"
       "      --list-detectors  print the detectors, the kinds of events that they report and what they "
       "need, and\n"
       "                        exit (with --json as JSON)\n"
       "  -v, --verbose         show the messages of the modules\n"
       "  -V, --version         print the version and exit\n"
       "  -h, --help            this text\n"
       "\n"
       "Exit status: 0 done, with alerts or without; 2 invalid command line; 3 an input cannot be read;\n"
       "4 a module died; 5 a report could not be written. A damaged capture is analysed up to the damage,\n"
       "and of several files those that can be read; the report says what was not.\n"
       "\n"
       "Examples:\n"
       "  nemea analyze capture.pcap\n"
       "  nemea analyze --html report.html monday.pcapng tuesday.pcapng.zst\n"
       "  tcpdump -w - | nemea analyze --json -\n",
       to);
}

/* ---------------------------------------------------------------------- inputs */

static bool add_path(struct analysis *a, const char *path)
{
   const char **files = realloc(a->files, (a->n_files + 1u) * sizeof(*files));
   char *copy = strdup(path);
   if (files == NULL || copy == NULL) {
      free(copy);
      cli_error("out of memory");
      return false;
   }
   files[a->n_files++] = copy;
   a->files = files;
   return true;
}

static int visible(const struct dirent *entry)
{
   return entry->d_name[0] != '.';
}

/* The files in a directory, by name; not those in directories below it. */
static bool add_directory(struct analysis *a, const char *path)
{
   struct dirent **entries = NULL;
   int n = scandir(path, &entries, visible, alphasort);
   bool good = true;
   for (int i = 0; i < n; i++) {
      struct stat st;
      char name[PATH_MAX];
      int length = snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
      free(entries[i]);
      if (good && length < (int) sizeof(name) && stat(name, &st) == 0 && S_ISREG(st.st_mode)) {
         good = add_path(a, name);
      }
   }
   free(entries);
   return good;
}

/* In place of a directory stand its files. \return false without memory, with a message */
static bool expand_directories(struct analysis *a)
{
   struct stat st;
   const char **files = a->files;
   unsigned n = a->n_files;
   bool good = true;
   a->files = NULL;
   a->n_files = 0;
   for (unsigned i = 0; i < n; i++) {
      unsigned before = a->n_files;
      bool directory = strcmp(files[i], "-") != 0 && stat(files[i], &st) == 0 && S_ISDIR(st.st_mode);
      good = good && (!directory || add_directory(a, files[i]));
      if (good && a->n_files == before) {
         good = add_path(a, files[i]); /* of an empty directory the error is that of a directory */
      }
      free((char *) (uintptr_t) files[i]);
   }
   free(files);
   return good;
}

/* -------------------------------------------------------------------- options */

/* Digits of a fraction behind a dot, as nanoseconds. \return false: something else stands there */
static bool parse_fraction(const char *text, uint64_t *ns)
{
   uint64_t unit = 1000000000;
   *ns = 0;
   if (*text == '.') {
      for (text++; *text >= '0' && *text <= '9'; text++) {
         unit /= 10;
         *ns += (uint64_t) (*text - '0') * unit;
      }
   }
   return *text == 0 || strcmp(text, "Z") == 0;
}

static bool parse_time(const char *text, uint64_t *ns)
{
   static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
                                       "%Y-%m-%d %H:%M",    "%Y-%m-%d",          "%s"};
   uint64_t fraction = 0;
   for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
      struct tm tm = {.tm_mday = 1};
      char *end = NULL;
      bool seconds = forms[i][1] == 's';
      long long t = -1;
      const char *rest = NULL;
      if (seconds) {
         errno = 0;
         t = strtoll(text, &end, 10);
         rest = end != text && errno == 0 ? end : NULL;
      } else {
         rest = strptime(text, forms[i], &tm);
         t = rest != NULL ? timegm(&tm) : -1;
      }
      if (rest != NULL && t >= 0 && t <= UINT32_MAX && parse_fraction(rest, &fraction)) {
         *ns = (uint64_t) t * 1000000000u + fraction;
         return true;
      }
   }
   return false;
}

/* ------------------------------------------------------------------- mistakes */

/* Says which argument is wrong, and what was expected. argument: as it was written; c: of getopt_long() */
static int option_mistake(const char *argument, int c)
{
   size_t length = strcspn(argument, "=");
   bool is_long = strncmp(argument, "--", 2) == 0;
   unsigned like = 0; /* options that begin with this text */
   char names[256] = "";
   for (const struct option *o = options; is_long && o->name != NULL; o++) {
      if (strncmp(o->name, argument + 2, length - 2) == 0) {
         size_t n = strlen(names);
         snprintf(names + n, sizeof(names) - n, "%s--%s", like++ > 0 ? ", " : "", o->name);
      }
   }
   if (c == ':' && is_long) {
      cli_error("option %s needs an argument (see nemea analyze --help)", like == 1 ? names : argument);
   } else if (c == ':') {
      cli_error("option -%c needs an argument (see nemea analyze --help)", optopt);
   } else if (like > 1) {
      cli_error("option %s: which of %s?", argument, names);
   } else if (like == 1) {
      cli_error("option %s takes no argument: %s", names, argument);
   } else if (access(argument, F_OK) == 0) {
      cli_error("unknown option %s; for the file of this name write ./%s", argument, argument);
   } else if (!is_long && strlen(argument) > 2) {
      cli_error("unknown option -%c in %s (see nemea analyze --help; a file of this name is written ./%s)",
                optopt, argument, argument);
   } else {
      cli_error("unknown option %s (see nemea analyze --help)", argument);
   }
   return CLI_USAGE;
}

static int set_time(const char *option, const char *text, uint64_t *ns)
{
   if (parse_time(text, ns)) {
      return -1;
   }
   cli_error("option --%s: \"%s\" is no time (expected UTC such as 2026-11-24T13:16:33.5, 2026-11-24, or "
             "seconds since 1970)",
             option, text);
   return CLI_USAGE;
}

/* NULL is the newest. */
static int set_json(const char *version, struct request *r)
{
   if (version != NULL && strcmp(version, "1") != 0 && strcmp(version, "2") != 0) {
      cli_error("option --json=%s: unknown version (expected 1 or 2)", version);
      return CLI_USAGE;
   }
   r->json = version == NULL ? JSON_VERSION : (unsigned) (version[0] - '0');
   return -1;
}

static int set_interface(const char *name, struct analysis *a)
{
   if (a->interface != NULL) {
      cli_error("option -i %s: one interface can be analysed at a time, and -i %s stands before it", name,
                a->interface);
      return CLI_USAGE;
   }
   a->interface = name;
   return -1;
}

static int set_collect(const char *port, struct analysis *a)
{
   if (a->collect != NULL) {
      cli_error("option --collect %s: one port can be analysed at a time, and --collect %s stands before it",
                port, a->collect);
      return CLI_USAGE;
   }
   a->collect = port;
   return -1;
}

static int set_detectors(const char *list, struct analysis *a)
{
   char why[1024];
   a->detectors = list;
   if (!detectors_known(list, why, sizeof(why))) {
      cli_error("option --detectors: %s", why);
      return CLI_USAGE;
   }
   return -1;
}

static int add_geoip(const char *path, struct analysis *a)
{
   if (a->n_geoip == MAX_GEOIP) {
      cli_error("option --geoip %s: more than %d databases", path, MAX_GEOIP);
      return CLI_USAGE;
   }
   a->geoip[a->n_geoip++] = path;
   return -1;
}

/* Options that only set a value. \return -1 to go on, else the exit status */
static int take_option(int c, const char *argument, struct analysis *a, struct request *r)
{
   switch (c) {
   case 1:
   case 'r': return add_path(a, optarg) ? -1 : CLI_MODULE;
   case 'i': return set_interface(optarg, a);
   case 'j': return set_json(optarg, r);
   case 'F': a->filter = optarg; return -1;
   case OPT_SINCE: return set_time("since", optarg, &a->since);
   case OPT_UNTIL: return set_time("until", optarg, &a->until);
   case 'c': r->csv = optarg; return -1;
   case 'w': r->html = optarg; return -1;
   case 'b': a->blacklist = optarg; return -1;
   case OPT_COLLECT: return set_collect(optarg, a);
   case OPT_FOLLOW: a->follow = true; return -1;
   case OPT_GEOIP: return add_geoip(optarg, a);
   case OPT_DETECTORS: return set_detectors(optarg, a);
   case OPT_DETAILS: a->details = true; return -1;
   case OPT_LIST_DETECTORS: r->list_detectors = true; return -1;
   case 'v': a->verbose = true; return -1;
   case 'h': cli_analyze_help(stdout); return CLI_OK;
   case 'V': puts("nemea " NEMEA_VERSION); return CLI_OK;
   default: return option_mistake(argument, c);
   }
}

/* --follow: one place, in which packets come one after another. */
static int check_followed(const struct analysis *a)
{
   struct stat st;
   if (a->interface != NULL || a->collect != NULL || a->n_files != 1) {
      cli_error("option --follow: expected one capture or one directory of captures");
      return CLI_USAGE;
   }
   if (strcmp(a->files[0], "-") == 0 ||
       (stat(a->files[0], &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
      cli_error("option --follow: a pipe is read until it is closed anyway; leave the option out");
      return CLI_USAGE;
   }
   return -1;
}

/* What one option alone cannot tell. */
static int check_together(const struct analysis *a)
{
   unsigned inputs = (a->interface != NULL) + (a->collect != NULL) + (a->n_files > 0);
   if (inputs == 0) {
      cli_error("expected a file, -i INTERFACE or --collect PORT (see nemea analyze --help)");
      return CLI_USAGE;
   }
   if (inputs > 1) {
      cli_error("expected files, -i INTERFACE or --collect PORT, one of them only");
      return CLI_USAGE;
   }
   if (a->collect != NULL && (a->filter != NULL || a->since != 0 || a->until != 0)) {
      cli_error("--filter, --since and --until choose packets, and exporters send flow records");
      return CLI_USAGE;
   }
   if (a->until != 0 && a->until <= a->since) {
      cli_error("--until must be later than --since");
      return CLI_USAGE;
   }
   return -1;
}

int request_parse(int argc, char **argv, struct analysis *a, struct request *r)
{
   int c, status = -1;
   int at = 1; /* index of the argument that is looked at: a leading - in the list below keeps their order */
   opterr = 0;
   for (; (c = getopt_long(argc, argv, "-:i:r:F:jc:w:b:vVh", options, NULL)) != -1; at = optind) {
      if ((status = take_option(c, argv[at], a, r)) >= 0) {
         return status;
      }
   }
   for (; optind < argc; optind++) { /* behind -- */
      if (!add_path(a, argv[optind])) {
         return CLI_MODULE;
      }
   }
   status = r->list_detectors ? -1 : check_together(a);
   if (status < 0 && a->follow && !r->list_detectors) {
      return check_followed(a);
   }
   return status >= 0 || expand_directories(a) ? status : CLI_MODULE;
}
