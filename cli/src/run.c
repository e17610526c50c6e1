/* SPDX-License-Identifier: BSD-3-Clause */
/** nemea run: its command line, what is checked before anything starts, and the state directory. */
#include "run.h"

#include "cli.h"
#include "programs.h"
#include "source.h"
#include "state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_SIZE (1u << 20) /* bytes of nemea.yaml; more is refused when it is read */

struct request {
   const char *file, *state, *export, *speed, *user;
};

void cli_run_help(FILE *to)
{
   fputs(
       ("usage: nemea run -i INTERFACE [OPTION...]\n"
        "       nemea run --collect PORT [OPTION...]\n"
        "       nemea run --replay CAPTURE [--speed N] [OPTION...]\n"
        "       nemea run [-c FILE] [OPTION...]\n"
        "\n"
        "Runs a whole deployment until Ctrl-C: a source of flows, all detectors, the store of alerts, the "
        "archive of\n"
        "flows, statistics of traffic and the page, under a supervisor that starts again what ends.\n"
        "\n"
        "  -i, --interface NAME     capture from this interface (needs the right to capture)\n"
        "      --collect PORT       receive NetFlow, IPFIX and sFlow on this port, or ADDRESS:PORT\n"
        "      --replay CAPTURE     replay a capture file as if it were live\n"
        "      --speed N            replay it N times as fast as it was captured (default: 1)\n"
        "  -c, --config FILE        read the deployment from this file (default: " NEMEA_YAML ", where no\n"
        "                           source is given); sources of the command line take the place of its own\n"
        "      --state-dir DIR      directory of what outlives the run, mode 0700 "
        "(default: " STATE_DEFAULT "; without\n"
        "                           root nemea in $XDG_STATE_HOME or ~/.local/state)\n"
        "      --user NAME          started by root: become this user (default: user of the file, else "
        "nemead, "
        "where there\n"
        "                           is one; root: stay root)\n"
        "      --export DIR         write the deployment as configuration of the supervisor to DIR, and "
        "exit\n"
        "  -h, --help               this text\n"
        "\n"
        "A second run with the same state directory goes on where the first ended. SIGHUP reads the file "
        "again and restarts\n"
        "what it changes. Look at a running deployment with nemea alerts, nemea flows --archive and supcli.\n"
        "\n"
        "Exit status: 0 ended by a signal; 2 invalid command line or file; 3 a source cannot be read; 4 the "
        "supervisor\n"
        "cannot run; 5 the state directory or DIR cannot be written.\n"
        "\n"
        "Examples:\n"
        "  nemea run -i eth0\n"
        "  nemea run --collect 4739 --state-dir /srv/nemea\n"
        "  nemea run --replay capture.pcap --speed 10\n"),
       to);
}

/* --------------------------------------------------------------------- options */

static bool add_source(struct run_config *c, enum run_source_kind kind, const char *option, const char *value)
{
   char why[256];
   if (run_config_source(c, kind, value, why, sizeof(why)) != NULL) {
      return true;
   }
   cli_error("option %s: %s", option, why);
   return false;
}

static bool set_speed(struct run_config *c, const char *text)
{
   char *end = NULL;
   double speed = text != NULL ? strtod(text, &end) : 1;
   bool any = text == NULL;
   if (text != NULL && (end == text || *end != 0 || !(speed >= 0.001 && speed <= 1e6))) {
      cli_error("option --speed: \"%s\": expected a number from 0.001 to 1000000", text);
      return false;
   }
   for (unsigned i = 0; i < c->n_sources && text != NULL; i++) {
      if (c->sources[i].kind == RUN_REPLAY) {
         c->sources[i].speed = speed;
         any = true;
      }
   }
   if (!any) {
      cli_error("option --speed: expected --replay with it");
   }
   return any;
}

/* \return -1 to go on, else the exit status */
static int parse(int argc, char **argv, struct run_config *c, struct request *r)
{
   enum { OPT_COLLECT = 256, OPT_REPLAY, OPT_SPEED, OPT_STATE, OPT_USER, OPT_EXPORT };
   static const struct option options[] = {{"interface", required_argument, NULL, 'i'},
                                           {"collect", required_argument, NULL, OPT_COLLECT},
                                           {"replay", required_argument, NULL, OPT_REPLAY},
                                           {"speed", required_argument, NULL, OPT_SPEED},
                                           {"config", required_argument, NULL, 'c'},
                                           {"state-dir", required_argument, NULL, OPT_STATE},
                                           {"state", required_argument, NULL, OPT_STATE},
                                           {"user", required_argument, NULL, OPT_USER},
                                           {"export", required_argument, NULL, OPT_EXPORT},
                                           {"help", no_argument, NULL, 'h'},
                                           {NULL, 0, NULL, 0}};
   bool good = true;
   opterr = 0;
   for (int o; good && (o = getopt_long(argc, argv, ":i:c:h", options, NULL)) != -1;) {
      switch (o) {
      case 'i': good = add_source(c, RUN_INTERFACE, "--interface", optarg); break;
      case OPT_COLLECT: good = add_source(c, RUN_COLLECT, "--collect", optarg); break;
      case OPT_REPLAY: good = add_source(c, RUN_REPLAY, "--replay", optarg); break;
      case OPT_SPEED: r->speed = optarg; break;
      case 'c': r->file = optarg; break;
      case OPT_STATE: r->state = optarg; break;
      case OPT_USER: r->user = optarg; break;
      case OPT_EXPORT: r->export = optarg; break;
      case 'h': cli_run_help(stdout); return CLI_OK;
      case ':':
         cli_error("option %s needs an argument (see nemea run --help)", argv[optind - 1]);
         return CLI_USAGE;
      default: cli_error("unknown option %s (see nemea run --help)", argv[optind - 1]); return CLI_USAGE;
      }
   }
   if (good && optind < argc) {
      cli_error("\"%s\": expected options only (see nemea run --help)", argv[optind]);
      good = false;
   }
   good = good && set_speed(c, r->speed);
   if (good && c->n_sources == 0 && r->file == NULL) {
      if (access(NEMEA_YAML, F_OK) != 0) {
         cli_error("no source: expected -i INTERFACE, --collect PORT, --replay CAPTURE or a file " NEMEA_YAML
                   " (see nemea run --help)");
         good = false;
      }
      r->file = NEMEA_YAML;
   }
   return good ? -1 : CLI_USAGE;
}

/* --------------------------------------------------------------- configuration */

static bool read_file(struct run_config *c, const char *path)
{
   char error[RUN_ERROR];
   char *text = malloc(CONFIG_SIZE + 1);
   FILE *f = text != NULL ? fopen(path, "re") : NULL;
   size_t size = f != NULL ? fread(text, 1, CONFIG_SIZE + 1, f) : 0;
   bool good = f != NULL && !ferror(f);
   if (!good) {
      cli_error("cannot read %s: %s", path, strerror(errno));
   }
   if (f != NULL) {
      fclose(f);
   }
   if (good && !run_config_read(c, path, text, size, error)) {
      cli_error("%s", error);
      good = false;
   }
   free(text);
   return good;
}

/* Sources of the command line take the place of those of the file. */
static bool take_sources(struct run_config *c, const struct run_config *from)
{
   char why[256];
   for (unsigned i = 0; i < c->n_sources && from->n_sources > 0; i++) {
      free(c->sources[i].value);
      free(c->sources[i].plugins);
   }
   c->n_sources = from->n_sources > 0 ? 0 : c->n_sources;
   for (unsigned i = 0; i < from->n_sources; i++) {
      struct run_source *s =
          run_config_source(c, from->sources[i].kind, from->sources[i].value, why, sizeof(why));
      if (s == NULL) {
         cli_error("%s", why);
         return false;
      }
      s->speed = from->sources[i].speed;
   }
   return true;
}

/* A file that modules read gets its whole path. \return false after an error was printed */
static bool make_absolute(char **path, const char *what)
{
   char whole[PATH_MAX];
   if (*path == NULL) {
      return true;
   }
   if (realpath(*path, whole) == NULL || access(whole, R_OK) != 0) {
      cli_error("cannot read the %s %s: %s", what, *path, strerror(errno));
      return false;
   }
   if (run_config_bad_text(whole) != NULL) {
      cli_error("%s %s: %s", what, *path, run_config_bad_text(whole));
      return false;
   }
   free(*path);
   *path = strdup(whole);
   return *path != NULL;
}

/* The plugins that flow_meter has, of its own list. */
static bool has_plugin(const char *name)
{
   char path[PATH_MAX], command[PATH_MAX + 32], line[512];
   bool found = false;
   if (!program_find("flow_meter", path, sizeof(path)) || strpbrk(path, "'\\") != NULL) {
      return true; /* flow_meter itself will say */
   }
   snprintf(command, sizeof(command), "exec '%s' --plugin-list", path);
   FILE *list = popen(command, "re");
   while (list != NULL && fgets(line, sizeof(line), list) != NULL) {
      size_t n = strlen(name);
      found = found || (strncmp(line, name, n) == 0 && line[n] == ' ');
   }
   return list == NULL || pclose(list) != 0 || found;
}

static bool check_plugins(const struct run_source *s)
{
   char list[1024], *save = NULL;
   snprintf(list, sizeof(list), "%s", s->plugins);
   for (char *name = strtok_r(list, "+", &save); name != NULL; name = strtok_r(NULL, "+", &save)) {
      if (!has_plugin(name)) {
         cli_error("unknown plugin \"%s\" (nemea flow_meter --plugin-list)", name);
         return false;
      }
   }
   return true;
}

/* What would make a module fail again and again is said before it starts. \return -1 to go on, else the exit status */
static int check(struct run_config *c)
{
   char why[PATH_MAX + 256];
   if (c->n_sources == 0) {
      cli_error("no source: expected sources: [{interface: NAME}] in the file, or -i, --collect or --replay");
      return CLI_USAGE;
   }
   for (unsigned i = 0; i < c->n_sources; i++) {
      struct run_source *s = &c->sources[i];
      if (s->plugins != NULL && !check_plugins(s)) {
         return CLI_USAGE;
      }
      if (s->kind != RUN_REPLAY) {
         continue;
      }
      if (!make_absolute(&s->value, "capture")) {
         return CLI_INPUT;
      }
      enum source_kind kind =
          source_is_stream(s->value) ? SOURCE_BAD : source_kind_of(s->value, why, sizeof(why));
      if (kind != SOURCE_CAPTURE) {
         cli_error("--replay %s: expected a capture file (pcap or pcapng)", s->value);
         return CLI_INPUT;
      }
   }
   bool good = make_absolute(&c->reporting, "rules of the reporters") &&
               make_absolute(&c->tls_cert, "certificate") && make_absolute(&c->tls_key, "key");
   for (unsigned i = 0; i < c->n_geoip && good; i++) {
      good = make_absolute(&c->geoip[i], "database");
   }
   return good ? -1 : CLI_INPUT;
}

/* Reads the file, where there is one, and checks. \return -1 to go on, else the exit status */
static int load(struct run *r)
{
   struct run_config c;
   if (!run_config_init(&c)) {
      cli_error("out of memory");
      return CLI_MODULE;
   }
   int status =
       (r->file == NULL || read_file(&c, r->file)) && take_sources(&c, &r->command) ? check(&c) : CLI_USAGE;
   if (status >= 0) {
      run_config_free(&c);
      return status;
   }
   run_config_free(&r->config);
   r->config = c;
   return -1;
}

static bool plan_and_write(struct run *r, const char *directory)
{
   char error[RUN_ERROR];
   struct run_plan plan;
   if (!run_plan_make(&plan, &r->config, r->state, directory, error) ||
       !run_write(&plan, &r->config, directory, error)) {
      cli_error("%s", error);
      run_plan_free(&plan);
      return false;
   }
   run_plan_free(&r->plan);
   r->plan = plan;
   return true;
}

bool run_prepare(struct run *r)
{
   char directory[PATH_MAX];
   snprintf(directory, sizeof(directory), "%s/" STATE_CONFIG, r->state);
   return load(r) < 0 && plan_and_write(r, directory);
}

/* -------------------------------------------------------------- state directory */

static bool make_directory(const char *path)
{
   struct stat st;
   if (mkdir(path, 0700) != 0 && errno != EEXIST) {
      cli_error("cannot make the directory %s: %s", path, strerror(errno));
      return false;
   }
   if (lstat(path, &st) != 0) {
      cli_error("%s: %s", path, strerror(errno));
      return false;
   }
   if (!S_ISDIR(st.st_mode)) {
      cli_error("%s is no directory (--state-dir DIR names another place)", path);
      return false;
   }
   if (st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
      cli_error(
          "%s belongs to user %u and has mode %04o: expected a directory of this user (%u) that nobody else "
          "can write; --state-dir DIR names another",
          path, (unsigned) st.st_uid, (unsigned) st.st_mode & 07777, (unsigned) geteuid());
      return false;
   }
   return true;
}

void run_make_parents(const char *path)
{
   char parent[PATH_MAX];
   snprintf(parent, sizeof(parent), "%s", path);
   for (char *p = strchr(parent + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
      *p = 0;
      (void) mkdir(parent, 0755); /* what is wrong is said of the directory itself */
      *p = '/';
   }
}

bool run_directories(const char *state)
{
   static const char *const names[] = {"",       "/config",  "/run",  "/alerts",
                                       "/flows", "/traffic", "/logs", "/page"};
   char path[PATH_MAX];
   run_make_parents(state);
   for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
      snprintf(path, sizeof(path), "%s%s", state, names[i]);
      if (!make_directory(path)) {
         return false;
      }
   }
   snprintf(path, sizeof(path), "%s/lock", state);
   int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600); /* held until the process ends */
   if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0) {
      cli_error("%s: %s", state,
                lock >= 0 && errno == EWOULDBLOCK ? "another nemea run has this state directory"
                                                  : strerror(errno));
      if (lock >= 0) {
         close(lock);
      }
      return false;
   }
   return true;
}

/* \return false after an error was printed */
static bool find_state(struct run *r, const char *given, char *path)
{
   char whole[PATH_MAX], standard[PATH_MAX] = "";
   const char *wanted = given != NULL ? given : r->config.state;
   bool has_standard = state_directory(standard, sizeof(standard));
   if (wanted == NULL && !has_standard) {
      cli_error("no state directory: expected --state-dir DIR, or a home directory");
      return false;
   }
   wanted = wanted != NULL ? wanted : standard;
   if (*wanted != '/') {
      char *here = getcwd(NULL, 0);
      snprintf(whole, sizeof(whole), "%s/%s", here != NULL ? here : "", wanted);
      free(here);
      wanted = whole;
   }
   size_t n = strlen(wanted);
   while (n > 1 && wanted[n - 1] == '/') {
      n--;
   }
   if (n >= RUN_PATH || strpbrk(wanted, " '\",:<>&") != NULL) {
      cli_error("state directory %s: expected a path of at most %d bytes, since sockets are in it, without "
                "blanks, quotes and , : < > &",
                wanted, RUN_PATH - 1);
      return false;
   }
   snprintf(path, RUN_PATH, "%.*s", (int) n, wanted);
   r->state = path;
   r->named = strcmp(path, standard) != 0;
   return true;
}

/* ------------------------------------------------------------------------- run */

/* Nobody's files are overwritten or removed. */
static bool is_empty(const char *directory)
{
   DIR *dir = opendir(directory);
   unsigned entries = 0;
   if (dir == NULL) {
      cli_error("cannot read the directory %s: %s", directory, strerror(errno));
      return false;
   }
   while (readdir(dir) != NULL) {
      entries++;
   }
   closedir(dir);
   if (entries > 2) { /* . and .. */
      cli_error("option --export: %s is not empty (expected a new or an empty directory)", directory);
   }
   return entries <= 2;
}

static int export(struct run *r, const char *directory)
{
   char whole[PATH_MAX];
   const char *s = r->state, *user = run_user(r);
   const struct passwd *pw = user != NULL ? getpwnam(user) : NULL;
   if (user != NULL && pw == NULL) {
      cli_error("option --user: there is no user %s", user);
      return CLI_USAGE;
   }
   bool other = pw != NULL && pw->pw_uid != 0; /* whom root starts the supervisor for */
   if (mkdir(directory, 0755) != 0 && errno != EEXIST) {
      cli_error("cannot make the directory %s: %s", directory, strerror(errno));
      return CLI_OUTPUT;
   }
   if (!is_empty(directory)) {
      return CLI_OUTPUT;
   }
   if (realpath(directory, whole) == NULL || !plan_and_write(r, whole)) {
      return CLI_OUTPUT;
   }
   printf("%u modules are in %s. Start them %swith\n  ", r->plan.n, whole, other ? "as root " : "");
   printf(other ? "install -d -m 700 -o %s" : "mkdir -m 700 -p", user);
   printf(" %s/run %s/alerts %s/flows %s/traffic %s/logs %s/page\n"
          "  TRAP_SOCKET_DIR=%s/run supervisor%s%s -T %s/" RUN_TEMPLATE " -L %s/logs -s %s/" STATE_CONTROL
          " --state-dir %s/supervisor\n",
          s, s, s, s, s, s, s, other ? " --user=" : "", other ? user : "", whole, s, s, s);
   return CLI_OK;
}

int cli_run(int argc, char **argv)
{
   static struct run r;
   struct request request = {0};
   char state[RUN_PATH];
   int status = run_config_init(&r.command) ? parse(argc, argv, &r.command, &request) : CLI_MODULE;
   if (status < 0) {
      r.file = request.file;
      r.user = request.user;
      status = load(&r);
   }
   if (status < 0 && !find_state(&r, request.state, state)) {
      status = CLI_USAGE;
   }
   if (status < 0 && request.export != NULL) {
      status = export(&r, request.export);
   } else if (status < 0 && (status = run_become(&r)) < 0) {
      umask(077);
      run_block_signals();
      status = !run_directories(r.state) ? CLI_OUTPUT : run_prepare(&r) ? run_watch(&r) : CLI_MODULE;
   }
   run_plan_free(&r.plan);
   run_config_free(&r.config);
   run_config_free(&r.command);
   return status;
}
