/* SPDX-License-Identifier: BSD-3-Clause */
/** nemea analyze: options, and the reports that were asked for. */
#include "analysis.h"

#include "detectors.h"
#include "source.h"

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
enum { OPT_SINCE = 256, OPT_UNTIL, OPT_DETECTORS, OPT_LIST_DETECTORS, OPT_DETAILS };

struct request {
   unsigned json; /* version of the keys, 0: text */
   bool list_detectors;
   const char *csv, *html;
};

void cli_analyze_help(FILE *to)
{
   fputs(
       "usage: nemea analyze [OPTION...] FILE...\n"
       "       nemea analyze [OPTION...] -i INTERFACE\n"
       "\n"
       "Finds attacks in captures (pcap, pcapng, also compressed with gzip, bzip2, xz, lz4\n"
       "or zstd), flow records (.trapcap) or the\n"
       "CSV of logger -t. FILE - is standard input, which like any pipe is a capture; a directory is all "
       "files in\n"
       "it. Several files are analysed as one stream:\n"
       "captures are merged by packet time, flow files are read in the order given.\n"
       "With -i it captures until Ctrl-C, shows alerts as they come, and reports at the end.\n"
       "\n"
       "  -r, --read FILE       same as FILE; may be repeated\n"
       "  -F, --filter TEXT     packets that match only (pcap-filter(7), as of tcpdump)\n"
       "      --since TIME      packets from this time on only: UTC, 2026-11-24T13:16:33 or less of it, or "
       "seconds\n"
       "                        since 1970\n"
       "      --until TIME      packets before this time only\n"
       "  -i, --interface NAME  capture from this interface (needs the right to capture)\n"
       "  -j, --json[=VERSION]  report as JSON on standard output; 2 (default) has events as "
       "docs/event.schema.json\n"
       "                        describes them, 1 has the keys of older releases\n"
       "  -c, --csv DIR         also write alerts.csv and flows.csv into this directory (created if "
       "missing)\n"
       "  -w, --html FILE       also write a self-contained page with plots\n"
       "  -b, --blacklist FILE  also report contacts with what this file lists: addresses, networks, domain\n"
       "                        names, URLs, one on each line\n"
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

static int print_detectors(const struct request *r)
{
   errno = 0;
   if (!detectors_list(r->json != 0, stdout)) {
      cli_error("cannot write to standard output: %s", strerror(errno != 0 ? errno : EIO));
      return CLI_OUTPUT;
   }
   return CLI_OK;
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

/* A file, a directory or - \return false without memory, with a message */
static bool add_input(struct analysis *a, const char *path)
{
   struct stat st;
   unsigned before = a->n_files;
   if (strcmp(path, "-") == 0 || stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
      return add_path(a, path);
   }
   if (!add_directory(a, path)) {
      return false;
   }
   return a->n_files > before || add_path(a, path); /* the error is that of a directory */
}

static void free_inputs(struct analysis *a)
{
   for (unsigned i = 0; i < a->n_files; i++) {
      free((char *) (uintptr_t) a->files[i]);
   }
   free(a->files);
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

static int unknown_option(const char *argument)
{
   if (access(argument, F_OK) == 0) {
      cli_error("unknown option %s; for the file of this name write ./%s", argument, argument);
   } else {
      cli_error("unknown option %s (see nemea analyze --help)", argument);
   }
   return CLI_USAGE;
}

/* \return -1 to go on, else the exit status */
static int parse(int argc, char **argv, struct analysis *a, struct request *r)
{
   static const struct option options[] = {{"interface", required_argument, NULL, 'i'},
                                           {"json", optional_argument, NULL, 'j'},
                                           {"csv", required_argument, NULL, 'c'},
                                           {"html", required_argument, NULL, 'w'},
                                           {"blacklist", required_argument, NULL, 'b'},
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
   char why[1024];
   int c,
       at = 1; /* index of the argument that is looked at: a leading - in the list below keeps their order */
   opterr = 0;
   for (; (c = getopt_long(argc, argv, "-:i:r:F:jc:w:b:vVh", options, NULL)) != -1; at = optind) {
      switch (c) {
      case 1:
      case 'r':
         if (!add_input(a, optarg)) {
            return CLI_MODULE;
         }
         break;
      case 'i': a->interface = optarg; break;
      case 'j':
         r->json = optarg == NULL             ? JSON_VERSION
                   : strcmp(optarg, "1") == 0 ? 1
                   : strcmp(optarg, "2") == 0 ? 2
                                              : 0;
         if (r->json == 0) {
            cli_error("option --json=%s: unknown version (expected 1 or 2)", optarg);
            return CLI_USAGE;
         }
         break;
      case 'F': a->filter = optarg; break;
      case OPT_SINCE:
      case OPT_UNTIL:
         if (!parse_time(optarg, c == OPT_SINCE ? &a->since : &a->until)) {
            cli_error(
                "option --%s: \"%s\" is no time (expected UTC such as 2026-11-24T13:16:33.5, 2026-11-24, or "
                "seconds since 1970)",
                c == OPT_SINCE ? "since" : "until", optarg);
            return CLI_USAGE;
         }
         break;
      case 'c': r->csv = optarg; break;
      case 'w': r->html = optarg; break;
      case 'b': a->blacklist = optarg; break;
      case OPT_DETECTORS:
         a->detectors = optarg;
         if (!detectors_known(optarg, why, sizeof(why))) {
            cli_error("option --detectors: %s", why);
            return CLI_USAGE;
         }
         break;
      case OPT_DETAILS: a->details = true; break;
      case OPT_LIST_DETECTORS: r->list_detectors = true; break;
      case 'v': a->verbose = true; break;
      case 'h': cli_analyze_help(stdout); return CLI_OK;
      case 'V': puts("nemea " NEMEA_VERSION); return CLI_OK;
      case ':':
         cli_error("option %s needs an argument (see nemea analyze --help)", argv[at]);
         return CLI_USAGE;
      default: return unknown_option(argv[at]);
      }
   }
   if (r->list_detectors) {
      return print_detectors(r);
   }
   for (; optind < argc; optind++) { /* behind -- */
      if (!add_input(a, argv[optind])) {
         return CLI_MODULE;
      }
   }
   if ((a->interface != NULL) == (a->n_files > 0)) {
      cli_error(a->n_files > 0 ? "expected files or -i INTERFACE, not both"
                               : "expected a file or -i INTERFACE (see nemea analyze --help)");
      return CLI_USAGE;
   }
   return -1;
}

/* Errors in the inputs are reported before anything is started. Of several files those that cannot be read are skipped. */
static int check_inputs(struct analysis *a)
{
   char why[PATH_MAX + 256];
   if (a->blacklist != NULL && access(a->blacklist, R_OK) != 0) {
      cli_error("cannot read the blacklist %s: %s", a->blacklist, strerror(errno));
      return CLI_INPUT;
   }
   unsigned n = 0, bad = 0;
   for (unsigned i = 0; i < a->n_files; i++) {
      if (source_kind_of(a->files[i], why, sizeof(why)) != SOURCE_BAD) {
         a->files[n++] = a->files[i];
         continue;
      }
      bad++;
      if (bad < a->n_files) {
         analysis_note(a, "%s; it was skipped", why);
      }
      free((char *) (uintptr_t) a->files[i]);
   }
   bool none = a->n_files > 0 && n == 0;
   a->n_files = n;
   if (!none && (a->filter != NULL || a->since != 0 || a->until != 0)) {
      for (unsigned i = 0; i < n; i++) {
         if (source_kind_of(a->files[i], why, sizeof(why)) != SOURCE_CAPTURE) {
            cli_error("%s: --filter, --since and --until choose packets, and this file has flow records "
                      "(unirecfilter "
                      "chooses among those)",
                      a->files[i]);
            return CLI_USAGE;
         }
      }
   }
   for (unsigned i = 0; none && i < a->n_notes; i++) {
      cli_error("%s", a->notes[i]);
   }
   if (none) {
      cli_error("%s", why);
   }
   return none ? CLI_INPUT : -1;
}

static FILE *open_report(const char *path)
{
   FILE *file = fopen(path, "we");
   if (file == NULL) {
      cli_error("cannot write %s: %s", path, strerror(errno));
   }
   return file;
}

static FILE *open_in(const char *directory, const char *name)
{
   char path[PATH_MAX];
   if (mkdir(directory, 0777) != 0 && errno != EEXIST) {
      cli_error("cannot make directory %s: %s", directory, strerror(errno));
      return NULL;
   }
   if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int) sizeof(path)) {
      cli_error("cannot write %s/%s: %s", directory, name, strerror(ENAMETOOLONG));
      return NULL;
   }
   return open_report(path);
}

/* The errno of a report that was written, or 0. */
static int error_of(bool written)
{
   return written ? 0 : errno != 0 ? errno : EIO;
}

/* error: of what was written into the file before, 0: none. */
static bool close_report(FILE *file, int error, const char *directory, const char *name)
{
   errno = 0;
   int last = error_of(fclose(file) == 0);
   error = error != 0 ? error : last;
   if (error != 0) {
      cli_error("cannot write %s%s%s: %s", directory, *directory != 0 ? "/" : "", name, strerror(error));
   }
   return error == 0;
}

/* Writes all reports but the one on standard output. \return false when one of them could not be written */
static bool write_files(struct analysis *a, const struct request *r, FILE *alerts_csv, FILE *html)
{
   bool written = true;
   if (a->flows_csv != NULL) {
      errno = 0;
      int error = error_of(report_csv(a, alerts_csv));
      written = close_report(a->flows_csv, a->flows_error, r->csv, "flows.csv");
      written = close_report(alerts_csv, error, r->csv, "alerts.csv") && written;
   }
   if (html != NULL) {
      errno = 0;
      int error = error_of(report_html(a, html));
      written = close_report(html, error, "", r->html) && written;
   }
   return written;
}

int cli_analyze(int argc, char **argv)
{
   static struct analysis a;
   struct request r = {0};
   FILE *alerts_csv = NULL, *html = NULL;
   pipeline_catch_signals();
   int status = parse(argc, argv, &a, &r);
   if (status < 0) {
      status = check_inputs(&a);
   }
   if (status >= 0) {
      free_inputs(&a);
      return status;
   }
   /* Files that cannot be opened are reported before the work, not after it. */
   if ((r.csv != NULL && ((a.flows_csv = open_in(r.csv, "flows.csv")) == NULL ||
                          (alerts_csv = open_in(r.csv, "alerts.csv")) == NULL)) ||
       (r.html != NULL && (html = open_report(r.html)) == NULL)) {
      return CLI_OUTPUT;
   }
   pipeline_run(&a);
   bool written = write_files(&a, &r, alerts_csv, html);
   errno = 0;
   bool nothing =
       a.interface != NULL && a.status == CLI_INPUT && a.traffic.flows == 0; /* it was not even captured */
   int error = error_of(r.json ? report_json(&a, r.json, stdout) : nothing || report_text(&a, stdout));
   if (error != 0) {
      cli_error("cannot write the report to standard output: %s", strerror(error));
      written = false;
   }
   for (unsigned i = 0; i < a.n_notes; i++) {
      if (r.json || a.status != CLI_OK) {
         cli_error("%s", a.notes[i]);
      }
      free(a.notes[i]);
   }
   free(a.skipped);
   traffic_free(&a.traffic);
   events_free(&a.events);
   free_inputs(&a);
   return a.status != CLI_OK ? a.status : written ? CLI_OK : CLI_OUTPUT;
}
