/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The menu, byte for byte: what the supervisor of NEMEA 2 sent to a client (wire/) and what a terminal showed (transcripts/) while the same
 * answers were given. Where all recordings of the supervisor are tested:
 *
 * transcripts/01, 02, 03, 10    test_sessions; 9 ends in the pager there, here it prints the end of the log (test_roles)
 * transcripts/11, 13, 14, 15    test_reloads, with what restarts here and not there replaced
 * transcripts/12                test_sessions up to Dstop; with a client and a daemon: test_the_recorded_end of tests/supervisor_old_clients_test.py
 * transcripts/20                test_terminal
 * transcripts/21                test_sessions up to the signal, for which the daemon of NEMEA 2 waited until the prompt was answered; this one
 *                               does not: test_the_recorded_end
 * wire/config-00 to 15          test_bytes_of_a_session
 * wire/config-16, 17            test_dstop, and with a daemon: test_the_menu_of_old_clients of tests/supervisor_old_clients_test.py
 * wire/stats, info              test_bytes_of_statistics; reload: test_the_recorded_end
 * config/, runtime/, bad-configs/   test_config.c; the generated configuration here, too; the backup in tests/supervisor_test.py
 * munin/                        tests/supervisor_old_clients_test.py
 * status/stats.json             tests/page_test.py
 *
 * Not replayed are usage texts and errors of options, which are this program's own, and the lines of logs, which supervisor.md describes.
 *
 * usage: test_menu GOLDEN_DIR
 */
#include "menu.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const char *golden;
static const char prompt_end[] = ": " MENU_RESET;

static char *read_file(const char *folder, const char *name)
{
   char path[512];
   char *text = calloc(1, 65536);
   (void) snprintf(path, sizeof(path), "%s/%s/%s", golden, folder, name);
   FILE *f = fopen(path, "rb");
   if (f == NULL || text == NULL || fread(text, 1, 65535, f) == 0) {
      *text = 0; /* an empty file is an answer, too */
   }
   assert_non_null(f);
   (void) fclose(f);
   return text;
}

/* ------------------------------------------------------- a supervisor as it was when the session was recorded */

struct scene {
   struct daemon d;
   struct menu *menu;
   char folder[32], template[128]; /* folder: of the logs */
};

static const char *const with_logs[] = {"modules_logs/replay_stdout",
                                        "modules_logs/replay_stderr",
                                        "modules_logs/repeater_stdout",
                                        "modules_logs/repeater_stderr",
                                        "modules_logs/flow_logger_stdout",
                                        "modules_logs/flow_logger_stderr",
                                        "supervisor_log",
                                        "modules_statistics",
                                        "modules_events",
                                        "modules_logs/crasher_stdout",
                                        "modules_logs/crasher_stderr",
                                        "modules_logs/stubborn_stdout",
                                        "modules_logs/stubborn_stderr"};
#define LOGS_AT_FIRST 9

static void write_file(const char *folder, const char *name, const char *text)
{
   char path[256];
   (void) snprintf(path, sizeof(path), "%s/%s", folder, name);
   FILE *f = fopen(path, "w");
   assert_non_null(f);
   fputs(text, f);
   assert_int_equal(fclose(f), 0);
}

static void add_interface(struct module *m, bool out, char type, const char *id)
{
   m->ifcs = reallocarray(m->ifcs, m->n_ifcs + 1, sizeof(*m->ifcs));
   assert_non_null(m->ifcs);
   m->ifcs[m->n_ifcs++] = (struct ifc_stats){.out = out, .type = type};
   strcpy(m->ifcs[m->n_ifcs - 1].id, id);
}

static void run_module(struct module *m, pid_t pid)
{
   m->plan.alive = true;
   m->plan.state = STATE_READY;
   m->pid = pid;
   m->service.source.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* \param document of the configuration, to be freed */
static void open_scene(struct scene *s, char *document, bool terminal)
{
   char path[64];
   memset(s, 0, sizeof(*s));
   strcpy(s->folder, "/tmp/nemea-menu-XXXXXX");
   assert_non_null(mkdtemp(s->folder));
   (void) snprintf(path, sizeof(path), "%s/modules_logs", s->folder);
   assert_int_equal(mkdir(path, 0700), 0);
   for (size_t i = 0; i < LOGS_AT_FIRST; i++) {
      write_file(s->folder, with_logs[i], "one\n\033[31mtwo\n");
   }
   (void) snprintf(s->template, sizeof(s->template), "%s/t.xml", s->folder);
   write_file(s->folder, "t.xml", document);
   s->d = (struct daemon){.template = s->template,
                          .logs = s->folder,
                          .configs = "/nonexistent",
                          .socket = "/run/nemea-supervisor/nemea-supervisor.sock",
                          .now = 1000};
   s->d.signals.fd = s->d.listener.fd = -1;
   struct config *c = config_load_text("t.xml", document, strlen(document));
   free(document);
   assert_true(c != NULL && c->n_errors == 0 && modules_apply(&s->d, c, NULL));
   assert_int_equal(s->d.n_modules, 5);
   add_interface(s->d.modules[0], true, 'u', "replay_out");
   add_interface(s->d.modules[1], false, 'u', "replay_out");
   add_interface(s->d.modules[1], true, 't', "17600");
   add_interface(s->d.modules[2], false, 't', "17600");
   run_module(s->d.modules[0], 819);
   run_module(s->d.modules[1], 1012);
   run_module(s->d.modules[2], 821);
   s->menu = menu_new(&s->d, ROLE_CONTROL, terminal);
   assert_non_null(s->menu);
}

static void close_scene(struct scene *s)
{
   char path[128];
   menu_free(s->menu);
   modules_free(&s->d);
   for (size_t i = 0; i < sizeof(with_logs) / sizeof(with_logs[0]); i++) {
      (void) snprintf(path, sizeof(path), "%s/%s", s->folder, with_logs[i]);
      (void) unlink(path);
   }
   (void) snprintf(path, sizeof(path), "%s/modules_logs", s->folder);
   (void) rmdir(path);
   (void) unlink(s->template);
   (void) rmdir(s->folder);
}

static void at(struct scene *s, int hour, int minute, int second)
{
   struct tm tm = {
       .tm_year = 126, .tm_mon = 10, .tm_mday = 23, .tm_hour = hour, .tm_min = minute, .tm_sec = second};
   s->d.started = timegm(&tm);
}

/* What the menu says to a line; NULL: the menu itself. The caller frees it. */
static char *answer(struct scene *s, const char *line)
{
   char *text = NULL;
   size_t length = 0;
   FILE *out = open_memstream(&text, &length);
   assert_non_null(out);
   bool info = line != NULL && strcmp(line, "8") == 0; /* the directories are those of the recording there */
   if (info) {
      s->d.logs = "/var/log/nemea-supervisor";
      s->d.configs = "/etc/nemea";
      s->d.template = "/etc/nemea/supervisor_config_template.xml";
   }
   if (line == NULL) {
      menu_begin(s->menu, out);
   } else {
      menu_answer(s->menu, line, true, out);
   }
   s->d.now += 500;
   menu_tick(s->menu, out);
   assert_int_equal(fclose(out), 0);
   if (info) {
      s->d.logs = s->folder;
      s->d.configs = "/nonexistent";
      s->d.template = s->template;
   }
   return text;
}

/* The version control's number of the recorded program is not ours. */
static void same_text(const char *what, char *got, char *expected)
{
   static const char git[] = "git version:" MENU_RESET " ";
   char *a = strstr(got, git), *b = strstr(expected, git);
   if (a != NULL && b != NULL) {
      a += strlen(git);
      b += strlen(git);
      memmove(a, strchr(a, '\n'), strlen(strchr(a, '\n')) + 1);
      memmove(b, strchr(b, '\n'), strlen(strchr(b, '\n')) + 1);
   }
   if (strcmp(got, expected) != 0) {
      fprintf(stderr, "%s: expected\n%s\nbut got\n%s\n", what, expected, got);
   }
   assert_string_equal(got, expected);
   free(got);
   free(expected);
}

/* ------------------------------------------------------------------- bytes that the daemon sent to a client */

static void test_bytes_of_a_session(void **state)
{
   static const struct {
      const char *file, *line;
   } steps[] = {{"config-00-config-789123", NULL}, {"config-01-4-brief", "4"},
                {"config-02-5-detailed", "5"},     {"config-03-6-config", "6"},
                {"config-04-7-reload", "7"},       {"config-05-8-info", "8"},
                {"config-06-9-logs", "9"},         {"config-07-9-logs-answer-99", "99"},
                {"config-08-1-enable", "1"},       {"config-09-1-enable-answer-4", "4"},
                {"config-10-2-disable", "2"},      {"config-11-2-disable-answer-4", "4"},
                {"config-12-3-restart", "3"},      {"config-13-3-restart-answer-1", "1"},
                {"config-14-0-once", "0"},         {"config-15-x-wrong", "x"}};
   struct scene s;
   open_scene(&s, read_file("runtime", "supervisor_config_gener.xml"), false);
   at(&s, 13, 33, 53);
   for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
      char name[64];
      (void) snprintf(name, sizeof(name), "%s.reply", steps[i].file);
      same_text(name, answer(&s, steps[i].line), read_file("wire", name));
      if (strcmp(steps[i].file, "config-09-1-enable-answer-4") == 0) {
         assert_int_equal(s.d.modules[4]->override, 1);
      }
   }
   assert_int_equal(s.d.modules[4]->override, 0);
   assert_true(s.d.modules[1]->plan.restart && !s.d.modules[0]->plan.restart);
   close_scene(&s);
}

/* Three answers 0, each in a write of its own, end the daemon; three in one write do not. */
static void test_dstop(void **state)
{
   struct scene s;
   open_scene(&s, read_file("runtime", "supervisor_config_gener.xml"), false);
   free(answer(&s, NULL));
   char *text = NULL;
   size_t length = 0;
   FILE *out = open_memstream(&text, &length);
   for (int i = 0; i < 3; i++) {
      menu_answer(s.menu, "0", i == 0, out);
   }
   assert_int_equal(menu_deadline(s.menu), s.d.now + 500);
   s.d.now += 499;
   menu_tick(s.menu, out);
   assert_int_equal(ftello(out), 0);
   s.d.now++;
   menu_tick(s.menu, out);
   assert_int_equal(fclose(out), 0);
   assert_false(s.d.leaving);
   same_text("16", text, read_file("wire", "config-16-0-three-in-one-write.reply"));
   out = open_memstream(&text, &length);
   for (int i = 0; i < 3; i++, s.d.now += 499) {
      assert_false(s.d.leaving);
      menu_answer(s.menu, "0", true, out);
   }
   assert_int_equal(fclose(out), 0);
   assert_true(s.d.leaving);
   same_text("17", text, read_file("wire", "config-17-0-three-writes-300ms.reply"));
   close_scene(&s);
}

/* ---------------------------------------------------------------------------- what a terminal showed */

/* The rows of a table say which modules ran at that moment, and that the one that always fails was given up. */
static void set_scene(struct scene *s, const char *shown)
{
   bool table = strstr(shown, "[CONFIGURATION STATUS]") != NULL,
        disabled = strstr(shown, "LIST OF DISABLED MODULES") != NULL;
   bool running = strstr(shown, "LIST OF RUNNING MODULES") != NULL;
   for (const char *p = shown; (p = strchr(p, '\n')) != NULL; p++) {
      unsigned int number;
      int row = 0; /* otherwise it is a line of the menu */
      const char *begin =
          p + 1 + (strncmp(p + 1, MENU_RESET, strlen(MENU_RESET)) == 0 ? strlen(MENU_RESET) : 0);
      if (sscanf(begin, "   %u |%n", &number, &row) != 1 || row == 0 || number >= s->d.n_modules) {
         continue;
      }
      struct module *m = s->d.modules[number];
      const char *end = strchr(p + 1, '\n');
      if (table) {
         const char *pid = end;
         for (int bars = 0; bars < 2; pid--) {
            bars += *pid == '|';
         }
         m->pid = (pid_t) strtol(pid + 2, NULL, 10);
         m->plan.alive = m->pid != 0;
         disabled = memmem(p, (size_t) (end - p), "false", 5) != NULL;
      }
      m->plan.alive |= running;
      if (disabled && menu_module_enabled(m)) {
         assert_string_equal(m->name, "crasher");
         m->plan.alive = false;
         m->plan.state = STATE_FAILED;
      }
   }
}

/* Lines as a terminal shows them end with \r\n. */
static char *read_transcript(const char *name)
{
   char *shown = read_file("transcripts", name), *to = shown;
   for (const char *p = shown; *p != 0; p++) {
      if (*p != '\r') {
         *to++ = *p;
      }
   }
   *to = 0;
   return shown;
}

/* Whether what stands behind a prompt ends a session: leaving it, or the daemon's word on a signal. */
static bool is_end(const char *line)
{
   return strcmp(line, "Cquit") == 0 || strcmp(line, "Dstop") == 0 ||
          strstr(line, "[SIGNAL HANDLER]") != NULL;
}

/* Gives the typed answers until the end of the session, or until the log with the number last is asked for, which NEMEA 2 showed in a
 * pager. \param shown what the terminal showed, is freed */
static void replay_text(struct scene *s, const char *name, char *shown, const char *last)
{
   char *p = strstr(shown, prompt_end) + strlen(prompt_end);
   free(answer(s, NULL));
   for (int step = 1;; step++) {
      char line[128], what[256];
      size_t length = strcspn(p, "\n");
      assert_true(length < sizeof(line));
      memcpy(line, p, length);
      line[length] = 0;
      static const char log_prompt[] = "Choose the log number: " MENU_RESET;
      bool pager = memcmp(p - strlen(log_prompt), log_prompt, strlen(log_prompt)) == 0;
      if (last != NULL && pager ? strcmp(line, last) == 0 : is_end(line)) {
         assert_true(step > 1);
         break;
      }
      p += length + 1;
      char *end = strstr(p, prompt_end);
      assert_non_null(end);
      char *expected = strndup(p, (size_t) (end - p) + strlen(prompt_end));
      p = end + strlen(prompt_end);
      set_scene(s, expected);
      (void) snprintf(what, sizeof(what), "%s, answer %d \"%s\"", name, step, line);
      same_text(what, answer(s, line), expected);
   }
   free(shown);
}

static void replay(struct scene *s, const char *name, const char *last)
{
   replay_text(s, name, read_transcript(name), last);
}

static void test_sessions(void **state)
{
   static const struct {
      const char *name, *last;
   } sessions[] = {{"01-supcli-menu-4-5-6-8.raw", NULL},
                   {"02-supcli-enable-disable-restart.raw", "3"},
                   {"03-prompt-blocks-service-thread.raw", NULL},
                   {"10-reload-no-change.raw", NULL},
                   {"12-dstop.raw", NULL},
                   {"21-sigterm-while-prompt-open.raw", NULL}};
   for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++) {
      struct scene s;
      open_scene(&s, read_file("runtime", "supervisor_config_gener.xml"), false);
      at(&s, 13, 19, 28);
      if (i == 0) { /* everything was connected then */
         s.d.modules[0]->ifcs[0].peers = s.d.modules[1]->ifcs[0].peers = 1;
         s.d.modules[1]->ifcs[1].peers = s.d.modules[2]->ifcs[0].peers = 1;
      }
      for (size_t k = LOGS_AT_FIRST; i == 1 && k < sizeof(with_logs) / sizeof(with_logs[0]); k++) {
         write_file(s.folder, with_logs[k], "");
      }
      replay(&s, sessions[i].name, sessions[i].last);
      close_scene(&s);
   }
}

/* text without what, which is put before where, or with something else instead of it. */
static char *change(char *text, const char *what, const char *instead, const char *where)
{
   char *changed = calloc(1, strlen(text) + strlen(instead) + strlen(what) + 1), *at = strstr(text, what);
   assert_true(changed != NULL && at != NULL);
   (void) snprintf(changed, strlen(text) + strlen(instead) + 1, "%.*s%s%s", (int) (at - text), text, instead,
                   at + strlen(what));
   free(text);
   if (where != NULL) {
      char *rest = strstr(changed, where);
      assert_non_null(rest);
      memmove(rest + strlen(what), rest, strlen(rest) + 1);
      memcpy(rest, what, strlen(what));
   }
   return changed;
}

static char *between(const char *text, const char *begin, const char *end)
{
   const char *a = strstr(text, begin), *b = a != NULL ? strstr(a, end) : NULL;
   assert_non_null(b);
   return strndup(a, (size_t) (b - a) + strlen(end));
}

/* The same as NEMEA 2, but for what restarts: a note and the order of interfaces do not, parameters that are gone do. */
static void test_reloads(void **state)
{
   struct scene s;
   open_scene(&s, read_file("runtime", "supervisor_config_gener.xml"), false);
   char *document = read_file("runtime", "supervisor_config_gener.xml");
   char *logger = between(document, "<module>\n  <name>flow_logger", "</module>\n");
   document = change(document, "<name>Processing<", "<name>Middle<", NULL);
   document = change(document, logger, "", "  </modules>\n\n  <modules>\n    <name>Loggers");
   free(logger);
   write_file(s.folder, "t.xml", document);
   replay(&s, "13-reload-profile-moves.raw", NULL);
   replay(&s, "14-status-after-profile-moves.raw", NULL);
   assert_int_equal(s.d.modules[2]->config->profile, 1);

   static const char restarted_repeater[] = "[WARNING] repeater was modified by reload and it has been "
                                            "running -> it will be restarted with new configuration.\n";
   static const char in[] =
       "    <interface>\n      <type>UNIXSOCKET</type>\n      <direction>IN</direction>\n"
       "      <params>replay_out</params>\n    </interface>\n";
   document = change(document, in, "", "  </trapinterfaces>\n</module>\n<module>\n  <name>flow_logger");
   write_file(s.folder, "t.xml", document);
   char *shown = change(read_transcript("15-reload-interface-order.raw"), restarted_repeater, "", NULL);
   shown = change(shown, "Modified modules:\t1\nUnmodified modules:\t4",
                  "Modified modules:\t0\nUnmodified modules:\t5", NULL);
   replay_text(&s, "15-reload-interface-order.raw", shown, NULL);

   write_file(s.folder, "t.xml", "<nemea-supervisor><modules><name>x</name></modules></nemea-supervisor>");
   char *text = answer(&s, "7");
   assert_non_null(strstr(
       text, "/t.xml:1: <modules> has no <enabled>\n[RELOAD] Validation of the configuration file failed.\n"
             "- - -\n\033[36m"));
   free(text);
   free(document);
   assert_int_equal(s.d.config->n_profiles, 4);
   close_scene(&s);
}

/* A note, a module more and one less, and parameters that are gone: there the note restarted a module, here the parameters do. */
static void test_mixed_reload(void **state)
{
   struct scene s;
   char *document = read_file("runtime", "supervisor_config_gener.xml");
   open_scene(&s, strdup(document), false);
   char *crasher = between(document, "<module>\n  <name>crasher", "</module>\n");
   document = change(document, "first hop", "renamed note", NULL);
   document = change(document, crasher,
                     "<module><name>second</name><enabled>false</enabled><path>x</path></module>", NULL);
   document = change(document, "  <params>-t -T -a \"/data/flow log.csv\" -d ';'</params>\n", "", NULL);
   write_file(s.folder, "t.xml", document);
   char *shown = change(read_transcript("11-reload-mixed.raw"), "replay was modified",
                        "flow_logger was modified", NULL);
   shown = change(shown, "[INFO] Valid modules profile (name: \"Parked\"",
                  "[WARNING] flow_logger's attribute \"params\" has been changed (-t -T -a \"/data/flow "
                  "log.csv\" -d ';' -> none), gonna "
                  "update it.\n[INFO] Valid modules profile (name: \"Parked\"",
                  NULL);
   replay_text(&s, "11-reload-mixed.raw", shown, NULL);
   free(document);
   free(crasher);
   close_scene(&s);
}

/* The order of the keys was a random one in NEMEA 2: texts with the same keys and values, written the same way, have the same length. */
static void same_json(struct daemon *d, bool all, const char *name, const char *end)
{
   json_t *status = status_old(d, all);
   char *expected = read_file("wire", name), *got = json_dumps(status, 0);
   json_t *a = json_loads(got, 0, NULL), *b = json_loads(expected, 0, NULL);
   assert_true(a != NULL && json_equal(a, b));
   assert_int_equal(strlen(got) + strlen(end), strlen(expected));
   assert_string_equal(expected + strlen(got), end);
   json_decref(status);
   json_decref(a);
   json_decref(b);
   free(got);
   free(expected);
}

static void test_bytes_of_statistics(void **state)
{
   static const uint64_t bytes[][2] = {{263360512, 7983104}, {260120576, 6324224}, {83947520, 5959680}};
   struct scene s;
   open_scene(&s, read_file("runtime", "supervisor_config_gener.xml"), false);
   s.d.usage_read = s.d.now; /* what /proc says of these numbers of processes is not asked */
   for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
      s.d.modules[i]->virtual_bytes = bytes[i][0];
      s.d.modules[i]->resident_bytes = bytes[i][1];
   }
   same_json(&s.d, false, "stats-456987.reply", "");
   same_json(&s.d, true, "info-113366.reply", "\n");
   close_scene(&s);
}

/* On the supervisor's own terminal: it says what it loads, and 0 ends it at once. */
static void test_terminal(void **state)
{
   struct scene s;
   char *shown = read_transcript("20-interactive-mode.raw"), *text = NULL;
   size_t length = 0;
   open_scene(&s, read_file("runtime", "supervisor_config_gener.xml"), true);
   struct daemon first = {.template = s.template, .logs = s.folder, .configs = "/nonexistent"};
   first.signals.fd = first.listener.fd = -1;
   FILE *out = open_memstream(&text, &length);
   assert_true(menu_reload(&first, "[INIT LOADING CONFIGURATION]\n", out));
   modules_free(&first);
   (void) fputs("[SERVICE] Starting service thread.\n", out);
   menu_begin(s.menu, out);
   assert_int_equal(fclose(out), 0);
   same_text("20, before an answer", text,
             strndup(shown, (size_t) (strstr(shown, prompt_end) - shown) + strlen(prompt_end)));
   free(shown);
   char path[64]; /* it wrote no such log */
   (void) snprintf(path, sizeof(path), "%s/supervisor_log", s.folder);
   (void) unlink(path);
   replay(&s, "20-interactive-mode.raw", "5");
   free(answer(&s, "5")); /* the log */
   free(answer(&s, "0"));
   assert_true(s.d.leaving);
   close_scene(&s);
}

/* Who may only read sees states; the end of a log needs more, and changes more still. */
static void test_roles(void **state)
{
   struct scene s;
   open_scene(&s, read_file("runtime", "supervisor_config_gener.xml"), false);
   for (enum role role = ROLE_READ; role <= ROLE_CONTROL; role++) {
      menu_free(s.menu);
      s.menu = menu_new(&s.d, role, false);
      for (const char *c = "123790"; *c != 0; c++) {
         char line[2] = {*c, 0}, *text = answer(&s, line);
         bool refused = strstr(text, "for root and the user of the supervisor only") != NULL;
         assert_int_equal(refused, role < (*c == '9' ? ROLE_INSPECT : ROLE_CONTROL));
         free(text);
         free(answer(&s, ""));
      }
   }
   assert_false(s.d.leaving);
   free(answer(&s, "9"));
   char *text = answer(&s, "1");
   assert_non_null(strstr(text, "one\n\\x1b[31mtwo\n\033[36m"));
   free(text);
   close_scene(&s);
}

/* Numbers keep their meaning while a prompt is open, and intervals are bounded. */
static void test_selections(void **state)
{
   struct scene s;
   open_scene(&s, read_file("runtime", "supervisor_config_gener.xml"), false);
   static const struct {
      const char *line, *said;
   } wrong[] = {
       {"", "empty string"},
       {"1,,2", "comma without a number before it"},
       {"1,2-", ""},
       {"0-99999999999", "Number 24 is not in range <0,8>!"},
       {"1--2", "dash with no"},
       {",", "comma without"},
       {"1 2", "acceptable"},
       {"99999999999999999999,3", "is not in range"},
       {"1,2,3,4,5,6,7,8,0,1,2,3,4,5,6,7,8,0,1,2,3,4,5,6,7,8,0,1,2,3,4,5,6,7,8,0,1,2,3,4,5,6,7,8,0,1,2,3",
        ""}};
   for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
      free(answer(&s, "1"));
      char *text = answer(&s, wrong[i].line);
      assert_non_null(strstr(text, wrong[i].said));
      free(text);
      s.d.modules[4]->override = -1;
      s.d.profile_overrides[3] = -1;
   }
   free(answer(&s, "2"));
   struct module *repeater = s.d.modules[1], *replay_module = s.d.modules[0];
   s.d.modules[0] = repeater; /* modules are removed and added while somebody thinks */
   s.d.modules[1] = replay_module;
   free(answer(&s, "0"));
   assert_int_equal(replay_module->override, 0);
   assert_int_equal(repeater->override, -1);
   close_scene(&s);
}

int main(int argc, char **argv)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(test_bytes_of_a_session), cmocka_unit_test(test_dstop),
       cmocka_unit_test(test_sessions),           cmocka_unit_test(test_reloads),
       cmocka_unit_test(test_mixed_reload),       cmocka_unit_test(test_bytes_of_statistics),
       cmocka_unit_test(test_terminal),           cmocka_unit_test(test_roles),
       cmocka_unit_test(test_selections)};
   if (argc != 2) {
      fputs("usage: test_menu GOLDEN_DIR\n", stderr);
      return 2;
   }
   golden = argv[1];
   (void) setenv("TZ", "UTC", 1);
   return cmocka_run_group_tests(tests, NULL, NULL);
}
