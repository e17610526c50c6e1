/* SPDX-License-Identifier: BSD-3-Clause */
/** nemea analyze: options, and the reports that were asked for. */
#include "analysis.h"

#include "detectors.h"
#include "source.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JSON_VERSION 2 /* newest of the reports */

/* Options without a letter. */
enum { OPT_DETECTORS = 256, OPT_LIST_DETECTORS, OPT_DETAILS };

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
       "Finds attacks in captures (pcap, pcapng, also compressed with zstd), flow records (.trapcap) or the\n"
       "CSV of logger -t. FILE - is standard input (a capture). Several files are analysed as one stream:\n"
       "captures are merged by packet time, flow files are read in the order given.\n"
       "With -i it captures until Ctrl-C, shows alerts as they come, and reports at the end.\n"
       "\n"
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
       "  -h, --help            this text\n"
       "\n"
       "Exit status: 0 done, with alerts or without; 2 invalid command line; 3 an input cannot be read;\n"
       "4 a module died; 5 a report could not be written. A damaged capture is analysed up to the damage,\n"
       "which is reported.\n"
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
                                           {NULL, 0, NULL, 0}};
   char why[1024];
   int c;
   opterr = 0;
   while ((c = getopt_long(argc, argv, ":i:jc:w:b:vh", options, NULL)) != -1) {
      switch (c) {
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
      case ':':
         cli_error("option %s needs an argument (see nemea analyze --help)", argv[optind - 1]);
         return CLI_USAGE;
      default: cli_error("unknown option %s (see nemea analyze --help)", argv[optind - 1]); return CLI_USAGE;
      }
   }
   if (r->list_detectors) {
      return print_detectors(r);
   }
   a->files = (const char *const *) argv + optind;
   a->n_files = (unsigned) (argc - optind);
   if ((a->interface != NULL) == (a->n_files > 0)) {
      cli_error(a->n_files > 0 ? "expected files or -i INTERFACE, not both"
                               : "expected a file or -i INTERFACE (see nemea analyze --help)");
      return CLI_USAGE;
   }
   return -1;
}

/* Errors in the inputs are reported before anything is started. */
static int check_inputs(const struct analysis *a)
{
   char why[PATH_MAX + 256];
   if (a->blacklist != NULL && access(a->blacklist, R_OK) != 0) {
      cli_error("cannot read the blacklist %s: %s", a->blacklist, strerror(errno));
      return CLI_INPUT;
   }
   for (unsigned i = 0; i < a->n_files; i++) {
      if (source_kind_of(a->files[i], why, sizeof(why)) == SOURCE_BAD) {
         cli_error("%s", why);
         return CLI_INPUT;
      }
   }
   return -1;
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
   int status = parse(argc, argv, &a, &r);
   if (status < 0) {
      status = check_inputs(&a);
   }
   if (status >= 0) {
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
   int error = error_of(r.json ? report_json(&a, r.json, stdout) : report_text(&a, stdout));
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
   return a.status != CLI_OK ? a.status : written ? CLI_OK : CLI_OUTPUT;
}
