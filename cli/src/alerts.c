/* SPDX-License-Identifier: BSD-3-Clause */
/** nemea alerts: asks alert_store. */
#include "alerts.h"
#include "archive_file.h"
#include "cli.h"
#include "state.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_FLOWS    20
#define NOT_FOUND      1   /* exit status: the store refused the request */
#define PAGE           500 /* events in an answer */
#define LIST_DEFAULT   50
#define LIMIT_MAX      10000000
#define LISTED_AT_ONCE 10000 /* events that are held, to be shown in the order of their arrival */

struct request {
   const char *command, *socket, *archive, *state;
   enum alerts_form form;
   json_t *filter;
   long limit; /* 0: the command's own */
   char **words;
   int n_words;
};

void cli_alerts_help(FILE *to)
{
   fputs(
       "usage: nemea alerts [list] [OPTION...]\n"
       "       nemea alerts show ID\n"
       "       nemea alerts follow [OPTION...]\n"
       "       nemea alerts mark ID seen|false|closed|new [NOTE]\n"
       "       nemea alerts export [OPTION...]\n"
       "\n"
       "Asks the store of alerts (module alert_store) that runs on this machine.\n"
       "\n"
       "  list    the newest events that match, in the order in which they came (default: 50)\n"
       "  show    one event with its reason, and its flows where flow_archive keeps them; the first 6 digits "
       "of\n"
       "          its id are enough; --json has the flows as \"flow_records\"\n"
       "  follow  shows events when they are stored, and again when alerts are added to them, until Ctrl-C\n"
       "  mark    writes what you think of an event, and a note\n"
       "  export  all events that match, the newest first: --format json (default), csv or idea\n"
       "\n"
       "  -s, --since TIME       events that end at this time or later: 2026-01-31, 2026-01-31T08:00 (UTC), "
       "or how\n"
       "                         long ago: 90s, 15m, 2h, 7d\n"
       "  -u, --until TIME       events that begin at this time or earlier\n"
       "  -H, --host ADDRESS     events in which this address or network (192.0.2.0/24) is a source or "
       "target\n"
       "  -k, --kind KIND        events of this kind: flood, vertical-scan, ... (docs/event.schema.json)\n"
       "  -c, --confidence HOW   events that are at least so sure: low, medium, high\n"
       "  -S, --state STATE      events in this state: new, seen, false, closed\n"
       "  -D, --detector NAME    events of this detector\n"
       "  -n, --limit N          at most so many events; of show: flows (default: 20)\n"
       "      --archive DIR      where show looks for flows (default: that of the deployment, or\n"
       "                         " ARCHIVE_DEFAULT_DIR ")\n"
       "  -j, --json             the same as --format json: one event a line, as docs/event.schema.json "
       "describes it\n"
       "  -f, --format FORMAT    text, json, csv or idea\n"
       "      --state-dir DIR    of the deployment of nemea run that is asked, if it is not the default one\n"
       "      --socket NAME      of the store, if it has another than alert_store\n"
       "  -h, --help             this text\n"
       "\n"
       "Exit status: 0 done, also when nothing matches; 1 the store refused (no such id); 2 invalid command "
       "line;\n"
       "3 no store runs, or the connection failed; 5 standard output could not be written.\n"
       "\n"
       "Examples:\n"
       "  nemea alerts --since 2h --confidence high\n"
       "  nemea alerts --host 192.0.2.0/24 --kind flood --json\n"
       "  nemea alerts mark 3f9a1c false \"our own scanner\"\n"
       "  nemea alerts export --since 7d --format csv > week.csv\n",
       to);
}

/* --------------------------------------------------------------------- options */

static bool set_form(struct request *r, const char *name)
{
   static const char *const names[] = {"text", "json", "csv", "idea"};
   for (unsigned i = 0; i < 4; i++) {
      if (strcmp(name, names[i]) == 0) {
         r->form = (enum alerts_form) i;
         return true;
      }
   }
   cli_error("option --format: \"%s\": expected text, json, csv or idea", name);
   return false;
}

static bool set_time(struct request *r, const char *key, const char *text)
{
   double seconds;
   if (!alerts_time(text, &seconds)) {
      cli_error("option --%s: \"%s\": expected a time in UTC, as 2026-01-31 or 2026-01-31T08:00, or how long "
                "ago, as 2h or 7d",
                key, text);
      return false;
   }
   json_object_set_new(r->filter, key, json_real(seconds));
   return true;
}

static bool set_text(struct request *r, const char *key, const char *text)
{
   json_t *value = json_string(text);
   if (value == NULL) {
      cli_error("\"%s\": this is not UTF-8", text);
      return false;
   }
   json_object_set_new(r->filter, key, value);
   return true;
}

static bool set_limit(struct request *r, const char *text)
{
   char *end;
   errno = 0;
   r->limit = strtol(text, &end, 10);
   if (*text == 0 || *end != 0 || errno != 0 || r->limit < 1 || r->limit > LIMIT_MAX) {
      cli_error("option --limit: \"%s\": expected a number from 1 to %d", text, LIMIT_MAX);
      return false;
   }
   return true;
}

/* \return -1 to go on, else the exit status */
static int parse(int argc, char **argv, struct request *r)
{
   enum { OPT_SOCKET = 256, OPT_ARCHIVE, OPT_STATE };
   static const struct option options[] = {{"since", required_argument, NULL, 's'},
                                           {"until", required_argument, NULL, 'u'},
                                           {"host", required_argument, NULL, 'H'},
                                           {"kind", required_argument, NULL, 'k'},
                                           {"confidence", required_argument, NULL, 'c'},
                                           {"state", required_argument, NULL, 'S'},
                                           {"detector", required_argument, NULL, 'D'},
                                           {"limit", required_argument, NULL, 'n'},
                                           {"json", no_argument, NULL, 'j'},
                                           {"format", required_argument, NULL, 'f'},
                                           {"socket", required_argument, NULL, OPT_SOCKET},
                                           {"archive", required_argument, NULL, OPT_ARCHIVE},
                                           {"state-dir", required_argument, NULL, OPT_STATE},
                                           {"help", no_argument, NULL, 'h'},
                                           {NULL, 0, NULL, 0}};
   bool good = true;
   int c;
   opterr = 0;
   while (good && (c = getopt_long(argc, argv, ":s:u:H:k:c:S:D:n:jf:h", options, NULL)) != -1) {
      switch (c) {
      case 's': good = set_time(r, "since", optarg); break;
      case 'u': good = set_time(r, "until", optarg); break;
      case 'H': good = set_text(r, "host", optarg); break;
      case 'k': good = set_text(r, "kind", optarg); break;
      case 'c': good = set_text(r, "confidence", optarg); break;
      case 'S': good = set_text(r, "state", optarg); break;
      case 'D': good = set_text(r, "detector", optarg); break;
      case 'n': good = set_limit(r, optarg); break;
      case 'j': r->form = FORM_JSON; break;
      case 'f': good = set_form(r, optarg); break;
      case OPT_SOCKET: r->socket = optarg; break;
      case OPT_ARCHIVE: r->archive = optarg; break;
      case OPT_STATE: r->state = optarg; break;
      case 'h': cli_alerts_help(stdout); return CLI_OK;
      case ':':
         cli_error("option %s needs an argument (see nemea alerts --help)", argv[optind - 1]);
         return CLI_USAGE;
      default: cli_error("unknown option %s (see nemea alerts --help)", argv[optind - 1]); return CLI_USAGE;
      }
   }
   r->words = argv + optind;
   r->n_words = argc - optind;
   return good ? -1 : CLI_USAGE;
}

/* -------------------------------------------------------------------- commands */

/* The last line of an answer, or one that says that it went wrong. \param status set \return false: more lines come */
static bool ends(const json_t *line, int *status)
{
   const char *error = json_string_value(json_object_get(line, "error"));
   if (error != NULL) {
      cli_error("the store: %s", error);
      *status = NOT_FOUND;
   }
   return error != NULL || json_object_get(line, "ok") != NULL;
}

static int show_row(const struct request *r, const json_t *row)
{
   errno = 0;
   if (alerts_line(r->form, row, stdout) && !ferror(stdout)) {
      return CLI_OK;
   }
   cli_error("cannot write to standard output: %s", strerror(errno != 0 ? errno : EIO));
   return CLI_OUTPUT;
}

/* One request for a list. rows: where its events are added, or NULL: they are shown. \param[out] last the final line of the answer */
static int page(struct store_client *c, const struct request *r, json_t *rows, json_t **last)
{
   int status = CLI_OK;
   json_t *line = NULL;
   if (!store_ask(c, r->filter)) {
      return CLI_INPUT;
   }
   while (status == CLI_OK && (line = store_next(c)) != NULL && !ends(line, &status)) {
      if (rows != NULL) {
         json_array_append(rows, line);
      } else {
         status = show_row(r, line);
      }
      json_decref(line);
      line = NULL;
   }
   *last = line;
   return status != CLI_OK ? status : line != NULL ? CLI_OK : CLI_INPUT;
}

static int list(struct store_client *c, struct request *r, bool in_order)
{
   json_t *rows = in_order ? json_array() : NULL, *last = NULL;
   long left = r->limit;
   int status = CLI_OK;
   bool more = true;
   json_object_set_new(r->filter, "op", json_string("list"));
   while (status == CLI_OK && more && left > 0) {
      json_object_set_new(r->filter, "limit", json_integer(left < PAGE ? left : PAGE));
      status = page(c, r, rows, &last);
      left -= PAGE;
      more = json_is_true(json_object_get(last, "more"));
      if (json_integer_value(json_object_get(last, "unreadable")) > 0) {
         cli_error("warning: %lld events of the database cannot be read",
                   (long long) json_integer_value(json_object_get(last, "unreadable")));
      }
      if (last != NULL) {
         json_object_set(r->filter, "before", json_object_get(last, "before"));
      }
      json_decref(last);
      last = NULL;
   }
   for (size_t i = json_array_size(rows); status == CLI_OK && i > 0; i--) {
      status = show_row(r, json_array_get(rows, i - 1));
   }
   if (status == CLI_OK && in_order && r->form == FORM_TEXT && json_array_size(rows) == 0) {
      puts("no event matches");
   } else if (status == CLI_OK && in_order && more) {
      cli_error("only the newest %ld events are shown (--limit)", r->limit);
   }
   json_decref(rows);
   return status;
}

static int run_list(struct store_client *c, struct request *r)
{
   r->limit = r->limit == 0 ? LIST_DEFAULT : r->limit;
   alerts_heading(r->form, stdout);
   return list(c, r, r->limit <= LISTED_AT_ONCE);
}

static int run_export(struct store_client *c, struct request *r)
{
   r->limit = r->limit == 0 ? LIMIT_MAX : r->limit;
   r->form = r->form == FORM_TEXT ? FORM_JSON : r->form;
   alerts_heading(r->form, stdout);
   return list(c, r, false);
}

/* A request about one event. */
static int one(struct store_client *c, struct request *r, const char *op, bool with_flows)
{
   int status = CLI_OK;
   long flows = r->limit != 0 ? r->limit : SHOWN_FLOWS;
   json_t *line, *row = NULL;
   json_object_set_new(r->filter, "op", json_string(op));
   if (!set_text(r, "id", r->words[0])) {
      return CLI_USAGE;
   }
   if (!store_ask(c, r->filter)) {
      return CLI_INPUT;
   }
   while ((line = store_next(c)) != NULL && !ends(line, &status)) {
      json_decref(row);
      row = line;
   }
   status = line == NULL ? CLI_INPUT : status;
   json_decref(line);
   if (status == CLI_OK && row != NULL && r->form == FORM_TEXT) {
      alerts_details(row, stdout);
      status = with_flows ? alerts_flows(json_object_get(row, "event"), r->archive, flows) : CLI_OK;
   } else if (status == CLI_OK && row != NULL) {
      if (with_flows && r->form == FORM_JSON) {
         status = alerts_add_flows(json_object_get(row, "event"), r->archive, flows);
      }
      alerts_heading(r->form, stdout);
      int shown = show_row(r, row);
      status = status != CLI_OK ? status : shown;
   }
   json_decref(row);
   return status;
}

static int run_show(struct store_client *c, struct request *r)
{
   return one(c, r, "show", true);
}

static int run_mark(struct store_client *c, struct request *r)
{
   return !set_text(r, "state", r->words[1]) || (r->n_words > 2 && !set_text(r, "note", r->words[2]))
              ? CLI_USAGE
              : one(c, r, "mark", false);
}

static int run_follow(struct store_client *c, struct request *r)
{
   int status = CLI_OK;
   json_t *line = NULL;
   json_object_set_new(r->filter, "op", json_string("follow"));
   if (!store_ask(c, r->filter)) {
      return CLI_INPUT;
   }
   alerts_heading(r->form, stdout);
   fflush(stdout);
   while (status == CLI_OK && (line = store_next(c)) != NULL) {
      const json_t *missed = json_object_get(line, "missed");
      if (missed != NULL) {
         cli_error("%lld events came faster than they could be shown",
                   (long long) json_integer_value(missed));
      } else if (!ends(line, &status) && json_object_get(line, "event") != NULL) {
         status = show_row(r, line);
         fflush(stdout);
      }
      json_decref(line);
      if (status == CLI_OK && (ferror(stdout) || feof(c->stream))) {
         break;
      }
   }
   return status != CLI_OK ? status : CLI_INPUT;
}

static const struct {
   const char *name, *words;
   int min, max; /* words after the command */
   int (*run)(struct store_client *c, struct request *r);
} commands[] = {
    {"list", "no words", 0, 0, run_list},
    {"show", "ID", 1, 1, run_show},
    {"follow", "no words", 0, 0, run_follow},
    {"mark", "ID, seen, false, closed or new, and a note", 2, 3, run_mark},
    {"export", "no words", 0, 0, run_export},
};

/* Sockets are those of a running deployment, and flows those of its archive, if it is named or nothing else is. */
static void use_deployment(struct request *r)
{
   static char archive[4096];
   char socket[4096];
   if (r->state != NULL || getenv("TRAP_SOCKET_DIR") == NULL) {
      if (state_find(r->state, STATE_ALERTS, socket, sizeof(socket))) {
         *strrchr(socket, '/') = 0;
         (void) setenv("TRAP_SOCKET_DIR", socket, 1);
      }
   }
   if (r->archive == NULL) {
      bool found = state_find(r->state, STATE_FLOWS, archive, sizeof(archive));
      r->archive = found ? archive : ARCHIVE_DEFAULT_DIR;
   }
}

int cli_alerts(int argc, char **argv)
{
   struct request r = {.socket = "alert_store", .filter = json_object()};
   struct store_client client;
   int status = r.filter != NULL ? parse(argc, argv, &r) : CLI_MODULE;
   size_t k = 0, n = sizeof(commands) / sizeof(commands[0]);
   while (status < 0 && r.n_words > 0 && k < n && strcmp(commands[k].name, r.words[0]) != 0) {
      k++;
   }
   if (status < 0 && k == n) {
      cli_error(
          "unknown command \"%s\" (expected list, show, follow, mark or export; see nemea alerts --help)",
          r.words[0]);
      status = CLI_USAGE;
   }
   if (status < 0 && r.n_words > 0) {
      r.words++;
      r.n_words--;
   }
   if (status < 0 && (r.n_words < commands[k].min || r.n_words > commands[k].max)) {
      cli_error("nemea alerts %s: expected %s (see nemea alerts --help)", commands[k].name,
                commands[k].words);
      status = CLI_USAGE;
   }
   if (status < 0) {
      use_deployment(&r);
      status = store_connect(&client, r.socket) ? commands[k].run(&client, &r) : CLI_INPUT;
      store_close(&client);
   }
   json_decref(r.filter);
   return status;
}
