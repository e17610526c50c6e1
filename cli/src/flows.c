/* SPDX-License-Identifier: BSD-3-Clause */
/** nemea flows: options. */
#include "flows.h"

#include "alerts.h"
#include "archive_file.h"
#include "source.h"
#include "state.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INTERRUPTED 130 /* exit status, as of a program that the signal ended */

enum { OPT_SINCE = 256, OPT_UNTIL, OPT_ARCHIVE, OPT_STATE, OPT_CSV, OPT_FIELDS, OPT_LIMIT };

struct request {
   struct flows flows;
   const char *plugins, *filter;
   const char *archive; /* NULL: files */
   const char *state;   /* of the deployment whose archive it is; NULL: the default one */
   const char **files;
   unsigned n_files;
   unsigned n_hosts;
};

void cli_flows_help(FILE *to)
{
   fputs(
       "usage: nemea flows [OPTION...] FILE... [FILTER]\n"
       "       nemea flows [OPTION...] --archive [DIR] [FILTER]\n"
       "\n"
       "Lists flows of captures (pcap, pcapng, also compressed), also of NetFlow, IPFIX and sFlow, of IPFIX "
       "files, of\n"
       "flow records (.trapcap) and of the CSV of logger -t;\n"
       "or of an archive that the module flow_archive writes, of which only the files are read that may "
       "have what is\n"
       "asked for. FILE - is standard input, which like any pipe is a capture. FILTER is an expression "
       "over fields, as of\n"
       "unirecfilter: 'DST_PORT == 53 && BYTES > 500' (docs/filter.md).\n"
       "\n"
       "  -r, --read FILE        same as FILE; may be repeated\n"
       "  -F, --filter FILTER    same as FILTER\n"
       "  -H, --host A[/N]       flows of this address or network, as source or destination; given twice: "
       "flows\n"
       "                         between the two\n"
       "  -P, --port PORT        flows with this source or destination port; may be repeated\n"
       "      --since TIME       flows that end at this time or later; of captures, packets from it on. "
       "UTC, as 2026-01-31\n"
       "                         or 2026-01-31T08:00:05.5; seconds since 1970; or how long ago: 90s, 15m, "
       "2h, 7d\n"
       "      --until TIME       flows that begin before this time; of captures, packets before it\n"
       "  -p, --plugins LIST     what else to look for in captures: names of plugins of flow_meter, "
       "separated by commas\n"
       "                         (nemea flow_meter --plugin-list)\n"
       "      --archive [DIR]    search the archive in this directory (default: that of the\n"
       "                         running deployment, or " ARCHIVE_DEFAULT_DIR ")\n"
       "      --state-dir DIR    of the deployment of nemea run whose archive it is, if it is not the "
       "default one\n"
       "  -o, --fields LIST      show these fields only, names separated by commas\n"
       "  -c, --csv              show CSV: names and types of the columns, then a line for each flow\n"
       "  -j, --json             show a JSON object for each flow\n"
       "  -n, --limit N          at most so many flows\n"
       "  -h, --help             this text\n"
       "\n"
       "In the table, A/B is what the source and what the destination sent; fields of plugins follow as "
       "NAME=VALUE where\n"
       "they have a value. With --archive, the last line on standard error says how many files were read "
       "and skipped.\n"
       "\n"
       "Exit status: 0 done, also when no flow matches; 2 invalid command line; 3 an input cannot be read; "
       "4 a module\n"
       "died; 5 standard output could not be written; 130 interrupted.\n"
       "\n"
       "Examples:\n"
       "  nemea flows capture.pcap 'DST_PORT == 443'\n"
       "  nemea flows --plugins dns --json -n 10 capture.pcap\n"
       "  nemea flows --archive --host 192.0.2.7 --port 22 --since 2h\n",
       to);
}

/* --------------------------------------------------------------------- options */

bool flows_parse_host(const char *text, struct network *n)
{
   char address[64], *end;
   const char *slash = strchr(text, '/');
   size_t length = slash != NULL ? (size_t) (slash - text) : strlen(text);
   if (length >= sizeof(address)) {
      return false;
   }
   memcpy(address, text, length);
   address[length] = 0;
   if (!ip_from_str(address, &n->ip)) {
      return false;
   }
   unsigned most = ip_is4(&n->ip) ? 32 : 128;
   unsigned long prefix = most;
   if (slash != NULL) {
      prefix = strtoul(slash + 1, &end, 10);
      if (slash[1] < '0' || slash[1] > '9' || *end != 0 || prefix > most) {
         return false;
      }
   }
   n->prefix = (unsigned) prefix;
   return true;
}

static bool set_host(struct request *r, const char *text)
{
   struct flows_end *e = &r->flows.q.ends[r->n_hosts == 0 ? 0 : 1];
   if (r->n_hosts++ == 2) {
      cli_error("option --host: given more than twice: a flow has two ends");
      return false;
   }
   if (!flows_parse_host(text, &e->hosts[0])) {
      cli_error("option --host: \"%s\": expected an address or a network, as 192.0.2.7, 192.0.2.0/24 or "
                "2001:db8::/32",
                text);
      return false;
   }
   e->n = 1;
   return true;
}

static bool set_number(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
   char *end;
   errno = 0;
   *value = strtoull(text, &end, 10);
   if (*text < '0' || *text > '9' || *end != 0 || errno != 0 || *value < least || *value > most) {
      cli_error("option --%s: \"%s\": expected a number from %" PRIu64 " to %" PRIu64, option, text, least,
                most);
      return false;
   }
   return true;
}

static bool set_port(struct request *r, const char *text)
{
   uint64_t port = 0;
   if (r->flows.q.n_ports == FLOWS_PORTS) {
      cli_error("option --port: given more than %d times", FLOWS_PORTS);
      return false;
   }
   bool good = set_number("port", text, 0, UINT16_MAX, &port);
   r->flows.q.ports[r->flows.q.n_ports++] = (uint16_t) port;
   return good;
}

static bool set_time(const char *option, const char *text, ur_time_t *t)
{
   double seconds;
   char *end;
   if (!alerts_time(text, &seconds)) {
      seconds = strtod(text, &end);
      if (*text < '0' || *text > '9' || *end != 0 || end[-1] == '.') {
         seconds = -1;
      }
   }
   if (!(seconds >= 0 && seconds < 4294967296.0)) {
      cli_error("option --%s: \"%s\" is no time (expected UTC such as 2026-11-24T13:16:33.5 or 2026-11-24, "
                "seconds since 1970, or "
                "how long ago, as 2h or 7d)",
                option, text);
      return false;
   }
   uint32_t whole = (uint32_t) seconds;
   *t = ur_time_from_sec_usec(whole, (uint64_t) ((seconds - whole) * 1e6 + 0.5) % 1000000);
   return true;
}

static int unknown_option(const char *argument)
{
   if (access(argument, F_OK) == 0) {
      cli_error("unknown option %s; for the file of this name write ./%s", argument, argument);
   } else {
      cli_error("unknown option %s (see nemea flows --help)", argument);
   }
   return CLI_USAGE;
}

/* \return -1 to go on, else the exit status */
static int parse(int argc, char **argv, struct request *r)
{
   static const struct option options[] = {{"read", required_argument, NULL, 'r'},
                                           {"filter", required_argument, NULL, 'F'},
                                           {"host", required_argument, NULL, 'H'},
                                           {"port", required_argument, NULL, 'P'},
                                           {"since", required_argument, NULL, OPT_SINCE},
                                           {"until", required_argument, NULL, OPT_UNTIL},
                                           {"plugins", required_argument, NULL, 'p'},
                                           {"archive", optional_argument, NULL, OPT_ARCHIVE},
                                           {"state-dir", required_argument, NULL, OPT_STATE},
                                           {"fields", required_argument, NULL, 'o'},
                                           {"csv", no_argument, NULL, 'c'},
                                           {"json", no_argument, NULL, 'j'},
                                           {"limit", required_argument, NULL, 'n'},
                                           {"help", no_argument, NULL, 'h'},
                                           {NULL, 0, NULL, 0}};
   bool good = true;
   int c, at = 1;
   opterr = 0;
   for (; good && (c = getopt_long(argc, argv, "-:r:F:H:P:p:o:cjn:h", options, NULL)) != -1; at = optind) {
      switch (c) {
      case 1:
      case 'r': r->files[r->n_files++] = optarg; break;
      case 'F': r->filter = optarg; break;
      case 'H': good = set_host(r, optarg); break;
      case 'P': good = set_port(r, optarg); break;
      case OPT_SINCE: good = set_time("since", optarg, &r->flows.q.since); break;
      case OPT_UNTIL: good = set_time("until", optarg, &r->flows.q.until); break;
      case 'p': r->plugins = optarg; break;
      case OPT_ARCHIVE: r->archive = optarg != NULL ? optarg : ARCHIVE_DEFAULT_DIR; break;
      case OPT_STATE: r->state = optarg; break;
      case 'o': r->flows.fields = optarg; break;
      case 'c': r->flows.form = FLOWS_CSV; break;
      case 'j': r->flows.form = FLOWS_JSON; break;
      case 'n': good = set_number("limit", optarg, 1, UINT64_MAX, &r->flows.q.limit); break;
      case 'h': cli_flows_help(stdout); return CLI_OK;
      case ':': cli_error("option %s needs an argument (see nemea flows --help)", argv[at]); return CLI_USAGE;
      default: return unknown_option(argv[at]);
      }
   }
   for (; optind < argc; optind++) { /* behind -- */
      r->files[r->n_files++] = argv[optind];
   }
   return good ? -1 : CLI_USAGE;
}

/* --archive DIR: a directory that follows is the archive's. */
static void take_directory(struct request *r)
{
   if (r->archive != NULL && r->n_files > 0 && access(r->files[0], F_OK) == 0 &&
       strcmp(r->archive, ARCHIVE_DEFAULT_DIR) == 0) {
      r->archive = r->files[0];
      r->files++;
      r->n_files--;
   }
}

/* Without a directory the archive is that of a deployment, where there is one. */
static void use_deployment(struct request *r)
{
   static char path[4096];
   bool standard = r->archive != NULL && strcmp(r->archive, ARCHIVE_DEFAULT_DIR) == 0;
   if ((standard || r->state != NULL) && state_find(r->state, STATE_FLOWS, path, sizeof(path))) {
      r->archive = path;
   }
}

/* The last word is a filter, if it names no file. */
static int parse_filter(struct request *r)
{
   nm_filter_error_t error;
   const char *last = r->n_files > 0 ? r->files[r->n_files - 1] : NULL;
   bool word = last != NULL && (r->archive != NULL || r->n_files > 1) && r->filter == NULL &&
               strcmp(last, "-") != 0 && access(last, F_OK) != 0;
   if (word) {
      r->filter = last;
      r->n_files--;
   }
   if (r->filter != NULL && (r->flows.q.filter = nm_filter_parse(r->filter, NULL, NULL, &error)) == NULL) {
      cli_error("%s\"%s\"%s byte %zu: %s", word ? "" : "option --filter: ", r->filter,
                !word                ? ":"
                : r->archive != NULL ? " is neither the directory of an archive nor a filter:"
                                     : " is neither a file nor a filter:",
                error.offset, error.text);
      return CLI_USAGE;
   }
   if (r->archive != NULL && r->n_files > 0) {
      cli_error("%s: expected files or --archive, not both", r->files[0]);
      return CLI_USAGE;
   }
   if (r->archive == NULL && r->n_files == 0) {
      cli_error("expected a file or --archive (see nemea flows --help)");
      return CLI_USAGE;
   }
   if (r->archive != NULL && r->plugins != NULL) {
      cli_error("option --plugins: an archive has the fields that it was written with");
      return CLI_USAGE;
   }
   if (r->flows.q.until != 0 && r->flows.q.until <= r->flows.q.since) {
      cli_error("option --until: this time is not after --since");
      return CLI_USAGE;
   }
   return -1;
}

static uint64_t nanoseconds(ur_time_t t)
{
   return (uint64_t) ur_time_get_sec(t) * 1000000000u + ur_time_get_nsec(t);
}

/* ------------------------------------------------------------------------- run */

static void search(struct request *r)
{
   struct flows_found found;
   char why[4400];
   if (!flows_read_archive(&r->flows, r->archive, &found, why, sizeof(why))) {
      cli_error("no archive of flows: %s (flow_archive -d DIR writes one; --archive DIR names it)", why);
      r->flows.status = CLI_INPUT;
      return;
   }
   flows_end(&r->flows);
   fprintf(stderr, "%" PRIu64 " flows; of %u files %u read, %u skipped by time, %u by addresses%s\n",
           r->flows.shown, found.files, found.read, found.by_time, found.by_filter,
           r->flows.stop ? "; others were not looked at" : "");
}

int cli_flows(int argc, char **argv)
{
   struct request r = {.flows = {.q = {.protocol = -1}, .to = stdout}};
   const char **files = calloc((size_t) argc + 1, sizeof(*files));
   r.files = files;
   int status = files != NULL ? parse(argc, argv, &r) : CLI_MODULE;
   if (status < 0) {
      take_directory(&r);
      use_deployment(&r);
      status = parse_filter(&r);
   }
   if (status < 0) {
      flows_catch_signals();
      if (r.archive != NULL) {
         search(&r);
      } else {
         flows_read_inputs(&r.flows, r.files, r.n_files, r.plugins, nanoseconds(r.flows.q.since),
                           nanoseconds(r.flows.q.until));
      }
      flows_end(&r.flows);
      status = r.flows.status != CLI_OK ? r.flows.status : flows_interrupted() ? INTERRUPTED : CLI_OK;
   }
   nm_filter_free(r.flows.q.filter);
   free(files);
   return status;
}
