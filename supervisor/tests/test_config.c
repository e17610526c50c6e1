/* SPDX-License-Identifier: BSD-3-Clause */
/** Configurations: the recorded documents and their verdicts, includes, command lines, how modules fit together, comparison. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"

static const char *golden;

static struct config *load(const char *text)
{
   struct config *c = config_load_text("t.xml", text, strlen(text));
   assert_non_null(c);
   return c;
}

static bool has_problem(const struct config *c, const char *part)
{
   for (uint32_t i = 0; i < c->n_problems; i++) {
      if (strstr(c->problems[i].text, part) != NULL) {
         return true;
      }
   }
   return false;
}

static void assert_problem(const struct config *c, const char *part)
{
   if (!has_problem(c, part)) {
      for (uint32_t i = 0; i < c->n_problems; i++) {
         print_error("%s\n", c->problems[i].text);
      }
      fail_msg("no problem \"%s\"", part);
   }
}

/* What is said of each document that is refused, with its line; of those accepted, the warning. */
static const struct {
   const char *name, *said;
} said[] = {
#include "documents.h"
};

static int only_xml(const struct dirent *d)
{
   return strstr(d->d_name, ".xml") != NULL;
}

/* Whether the recorded supervisor accepted the next document. */
static bool recorded_verdict(FILE *results)
{
   char line[1024];
   bool accepted = false;
   while (fgets(line, sizeof(line), results) != NULL && strncmp(line, "### ", 4) != 0) {
      accepted |= strstr(line, "Validation of the configuration file successfully finished") != NULL;
   }
   return accepted;
}

static void the_recorded_documents_have_their_verdicts(void **state)
{
   char path[4096], line[256];
   struct dirent **files;
   (void) state;
   snprintf(path, sizeof(path), "%s/bad-configs/validation-results.txt", golden);
   FILE *results = fopen(path, "re");
   assert_non_null(results);
   assert_non_null(fgets(line, sizeof(line), results)); /* "### ..." of the first */
   snprintf(path, sizeof(path), "%s/bad-configs", golden);
   int n = scandir(path, &files, only_xml, alphasort);
   assert_int_equal(n, 52);
   assert_int_equal(sizeof(said) / sizeof(said[0]), 52);
   for (int i = 0; i < n; i++) {
      bool expected = recorded_verdict(results);
      assert_string_equal(files[i]->d_name, said[i].name);
      if (strncmp(files[i]->d_name, "44-", 3) == 0) {
         expected = true; /* a directory that is not there is an empty one, with a warning */
      }
      snprintf(path, sizeof(path), "%s/bad-configs/%s", golden, files[i]->d_name);
      struct config *c = config_load(path);
      assert_non_null(c);
      if ((c->n_errors == 0) != expected) {
         fail_msg("%s: %u errors, expected it to be %s", files[i]->d_name, c->n_errors,
                  expected ? "accepted" : "refused");
      }
      if (*said[i].said != 0) {
         snprintf(line, sizeof(line), "%s%s", said[i].name, said[i].said);
         assert_problem(c, line);
      } else {
         assert_int_equal(c->n_problems, 0);
      }
      config_free(c);
      free(files[i]);
   }
   free(files);
   fclose(results);
}

/* A folder for templates. */
struct folder {
   char path[64];
};

static void write_file(const struct folder *f, const char *name, const char *text)
{
   char path[256];
   snprintf(path, sizeof(path), "%s/%s", f->path, name);
   FILE *file = fopen(path, "we");
   assert_non_null(file);
   assert_true(fputs(text, file) >= 0);
   assert_int_equal(fclose(file), 0);
}

static struct folder make_folder(void)
{
   struct folder f = {.path = "/tmp/nemea-config-XXXXXX"};
   assert_non_null(mkdtemp(f.path));
   return f;
}

static void remove_folder(const struct folder *f)
{
   char command[128];
   snprintf(command, sizeof(command), "rm -r %s", f->path);
   assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
}

#define MODULE(name) \
   "<module>\n<name>" name "</name><enabled>true</enabled>\n<path>/bin/true</path></module>\n"

static void includes_are_in_the_order_of_names_with_their_own_lines(void **state)
{
   char text[1024], path[128];
   struct folder f = make_folder();
   (void) state;
   snprintf(text, sizeof(text),
            "<?xml version=\"1.0\"?>\n<nemea-supervisor>\n<modules>\n<name>p</name><enabled>true</enabled>\n "
            " <!-- include %s/ -->\n"
            "<!-- include %s/b.sup-->\n<wrong/>\n</modules></nemea-supervisor>\n",
            f.path, f.path);
   write_file(&f, "t.xml", text);
   write_file(&f, "z.sup", MODULE("z"));
   write_file(&f, "a.sup", "\n" MODULE("a") "<!-- end -->"); /* no newline at the end */
   write_file(&f, "b.sup", MODULE("b"));
   write_file(&f, "c.notsup", MODULE("c"));
   snprintf(path, sizeof(path), "%s/t.xml", f.path);
   struct config *c = config_load(path);
   assert_non_null(c);
   assert_int_equal(c->n_modules, 4);
   assert_string_equal(c->modules[0].name, "a");
   assert_string_equal(c->modules[1].name, "b");
   assert_string_equal(c->modules[2].name, "z");
   assert_int_equal(c->n_errors, 2);
   snprintf(text, sizeof(text), "%s/t.xml:7: unknown element <wrong>", f.path);
   assert_problem(c, text);
   snprintf(text, sizeof(text), "%s/b.sup:1: second module \"b\", the first is in %s/b.sup:1", f.path,
            f.path);
   assert_problem(c, text);
   uint32_t line;
   assert_non_null(strstr(config_where(c, c->modules[0].line, &line), "/a.sup"));
   assert_int_equal(line, 2);
   config_free(c);
   remove_folder(&f);
}

static void the_recorded_deployment_is_read(void **state)
{
   char path[4096], text[4096], why[256];
   (void) state;
   struct folder f = make_folder();
   FILE *out = NULL;
   snprintf(path, sizeof(path), "%s/t.xml", f.path);
   out = fopen(path, "we");
   assert_non_null(out);
   snprintf(text, sizeof(text), "%s/config/supervisor_config_template.xml", golden);
   FILE *in = fopen(text, "re");
   assert_non_null(in);
   while (fgets(text, sizeof(text), in) != NULL) {
      const char *at = strstr(text, "/etc/nemea");
      if (at != NULL) {
         fprintf(out, "%.*s%s/config%s", (int) (at - text), text, golden, at + strlen("/etc/nemea"));
      } else {
         fputs(text, out);
      }
   }
   fclose(in);
   assert_int_equal(fclose(out), 0);
   struct config *c = config_load(path);
   assert_non_null(c);
   assert_int_equal(c->n_errors, 0);
   assert_int_equal(c->n_modules, 5);
   assert_int_equal(c->n_profiles, 4);
   assert_int_equal(c->restarts, 4);
   const struct config_module *logger = config_find(c, "flow_logger"), *stubborn = config_find(c, "stubborn");
   assert_int_equal(config_restarts(c, logger), 2);
   assert_int_equal(config_restarts(c, stubborn), 4);
   assert_false(config_enabled(c, config_find(c, "crasher"))); /* its profile is not */
   char **argv = config_command(logger, why, sizeof(why));
   static const char *const expected[] = {
       "flow_logger", "-t", "-T", "-a", "/data/flow log.csv", "-d", ";", "-i", "t:localhost:17600"};
   assert_non_null(argv);
   for (size_t i = 0; i < 9; i++) {
      assert_string_equal(argv[i], expected[i]);
   }
   assert_null(argv[9]);
   config_command_free(argv);
   argv = config_command(stubborn, why, sizeof(why));
   assert_non_null(argv);
   assert_string_equal(argv[3], "three \"quoted\" words");
   config_command_free(argv);
   config_free(c);
   remove_folder(&f);
}

static void assert_words(char *params, const char *expected)
{
   char why[256], name[] = "m", text[1024] = "";
   struct config_module m = {.name = name, .params = params};
   char **argv = config_command(&m, why, sizeof(why));
   if (argv == NULL) {
      assert_non_null(strstr(why, expected));
      return;
   }
   for (size_t i = 1; argv[i] != NULL; i++) {
      snprintf(text + strlen(text), sizeof(text) - strlen(text), "[%s]", argv[i]);
   }
   assert_string_equal(text, expected);
   config_command_free(argv);
}

/* As recorded in runtime/edge_cases-result.txt. */
static void params_are_split_as_recorded(void **state)
{
   char adjacent[] = "'a b'c \"d\"'e'  f\ng\th ", inside[] = "--x='a b'", empty[] = "-a \"\" b",
        apostrophe[] = "-a \"un'x\" b", open[] = "a 'b";
   (void) state;
   assert_words(adjacent, "[a b][c][d][e][f\ng\th]");
   assert_words(inside, "a quote inside the word");
   assert_words(empty, "empty quotes");
   assert_words(apostrophe, "an apostrophe inside the quotes");
   assert_words(open, "no closing quote");
}

static void assert_spec(const char *interfaces, const char *expected)
{
   char text[4096];
   snprintf(text, sizeof(text),
            "<nemea-supervisor><modules><name>p</name><enabled>true</enabled><module><name>m</"
            "name><enabled>true</enabled>"
            "<path>/bin/true</path><trapinterfaces>%s</trapinterfaces></module></modules></nemea-supervisor>",
            interfaces);
   struct config *c = load(text);
   assert_int_equal(c->n_errors, 0);
   char *spec = config_ifc_spec(&c->modules[0]);
   assert_string_equal(spec, expected);
   free(spec);
   config_free(c);
}

#define IFC(type, direction, params)                                                     \
   "<interface><type>" type "</type><direction>" direction "</direction><params>" params \
   "</params></interface>"

static void interfaces_are_joined(void **state)
{
   (void) state;
   assert_spec(IFC("TLS", "OUT", "4433:key:crt:ca") IFC("FILE", "OUT", "/data/x.trapcap:mode=append")
                   IFC("TCP", "IN", "h1,7600") IFC("TCP", "IN", "a,b,c"),
               "t:h1:7600,t:a:b,c,T:4433:key:crt:ca,f:/data/x.trapcap:mode=append");
   assert_spec(IFC("BLACKHOLE", "OUT", "") IFC("BLACKHOLE", "OUT", ""), "b:,b:");
   assert_spec(IFC("BLACKHOLE", "OUT", "") IFC("UNIXSOCKET", "OUT", "s1:timeout=NO_WAIT"),
               "b:,u:s1:timeout=NO_WAIT");
   assert_spec(IFC("TCP", "OUT", "17600,10"), "t:17600:max_clients=10");
}

#define DOCUMENT(modules)                                                                    \
   "<nemea-supervisor><modules><name>p</name><enabled>true</enabled>" modules "</modules></" \
   "nemea-supervisor>"
#define WITH(name, enabled, interfaces)             \
   "<module><name>" name "</name><enabled>" enabled \
   "</enabled><path>/bin/sh</path><trapinterfaces>" interfaces "</trapinterfaces></module>\n"

static void it_says_what_does_not_fit_together(void **state)
{
   (void) state;
   struct config *c = load(DOCUMENT(
       WITH("a", "true", IFC("UNIXSOCKET", "OUT", "flows:timeout=HALF_WAIT") IFC("TCP", "OUT", "12001"))
           WITH("b", "true",
                IFC("UNIXSOCKET", "IN", "flows") IFC("TCP", "IN", "localhost,12001")
                    IFC("TCP", "IN", "elsewhere,7600"))
               WITH("c", "true", IFC("UNIXSOCKET", "OUT", "flows") IFC("TLS", "OUT", "12001:k:c:a"))
                   WITH("d", "true", IFC("UNIXSOCKET", "IN", "nobody") IFC("TCP", "IN", "12002"))
                       WITH("e", "false",
                            IFC("UNIXSOCKET", "IN", "nobody2") IFC(
                                "TCP", "OUT", "12002")) "<module><name>f</name><enabled>true</enabled><path>/"
                                                        "no/such/program</path></module>"));
   assert_int_equal(c->n_errors, 0);
   config_check_topology(c, false);
   assert_problem(c, "t.xml:3: modules \"a\" and \"c\" both send on UNIX socket flows");
   assert_problem(c, "modules \"a\" and \"c\" both send on port 12001");
   assert_problem(c, "no enabled module sends what module \"d\" reads: UNIX socket nobody");
   assert_problem(c, "no enabled module sends what module \"d\" reads: port 12002");
   assert_problem(c, "program of module \"f\" cannot be executed: /no/such/program");
   assert_int_equal(c->n_warnings, 5);
   assert_int_equal(c->n_errors, 0);
   config_free(c);
}

static void assert_change(const char *before, const char *after, enum config_change expected,
                          const char *expected_what)
{
   char what[256];
   struct config *a = load(before), *b = load(after);
   assert_int_equal(config_compare(a, config_find(a, "m"), b, config_find(b, "m"), what, sizeof(what)),
                    expected);
   assert_string_equal(what, expected_what);
   config_free(a);
   config_free(b);
}

static void only_what_matters_restarts_a_module(void **state)
{
   static const char base[] =
       DOCUMENT(WITH("m", "true", IFC("UNIXSOCKET", "IN", "a") IFC("UNIXSOCKET", "OUT", "b")));
   (void) state;
   assert_change(base, base, CHANGE_NONE, "");
   assert_change(base, DOCUMENT(""), CHANGE_REMOVED, "");
   assert_change(DOCUMENT(""), base, CHANGE_ADDED, "");
   assert_change(base,
                 DOCUMENT(WITH("m", "true", IFC("UNIXSOCKET", "OUT", "b") IFC("UNIXSOCKET", "IN", "a"))),
                 CHANGE_NONE, "");
   assert_change(base, DOCUMENT(WITH("m", "true", IFC("UNIXSOCKET", "IN", "a"))), CHANGE_RESTART,
                 "interfaces");
   assert_change(base,
                 DOCUMENT(WITH("m", "false", IFC("UNIXSOCKET", "IN", "a") IFC("UNIXSOCKET", "OUT", "b"))),
                 CHANGE_FLAGS, "disabled");
   assert_change(
       DOCUMENT("<module><name>m</name><enabled>true</enabled><path>a</path><params>-x</params></module>"),
       DOCUMENT("<module><name>m</name><enabled>true</enabled><path>b</path></module>"), CHANGE_RESTART,
       "path, params");
   assert_change(DOCUMENT("<module><name>m</name><enabled>true</enabled><path>a</path><params/></module>"),
                 DOCUMENT("<module><name>m</name><enabled>true</enabled><path>a</path></module>"),
                 CHANGE_NONE, "");
}

static void entities_do_not_multiply(void **state)
{
   (void) state;
   struct config *c = load("<!DOCTYPE n [<!ENTITY a \"xxxxxxxxxx\"><!ENTITY b "
                           "\"&a;&a;&a;&a;\">]><nemea-supervisor><modules><name>&b;"
                           "</name><enabled>true</enabled></modules></nemea-supervisor>");
   assert_problem(c, "the entity \"b\" holds other entities");
   assert_true(c->n_errors > 0);
   config_free(c);
}

static void more_problems_than_are_kept_are_counted(void **state)
{
   char *text = malloc(100000);
   (void) state;
   assert_non_null(text);
   strcpy(text, "<nemea-supervisor>");
   for (int i = 0; i < 1000; i++) {
      strcat(text, "<wrong/>");
   }
   strcat(text, "</nemea-supervisor>");
   struct config *c = load(text);
   assert_int_equal(c->n_errors, 1000);
   assert_int_equal(c->n_problems, CONFIG_PROBLEMS);
   assert_int_equal(c->n_more, 1000 - CONFIG_PROBLEMS);
   config_free(c);
   free(text);
}

static void the_recorded_backup_is_read(void **state)
{
   static const struct backup_entry expected[] = {
       {"Data sources", true, true, 0},       {"replay", false, true, 503},
       {"Processing", true, true, 0},         {"repeater", false, true, 446},
       {"second_repeater", false, true, 501}, {"Loggers", true, true, 0},
       {"flow_logger", false, true, 164},     {"Parked", true, false, 0},
       {"stubborn", false, false, 0}};
   char path[512], why[256] = "";
   snprintf(path, sizeof(path), "%s/runtime/89264_sup_backup_file.xml", golden);
   struct backup *b = backup_read(path, why, sizeof(why));
   assert_string_equal(why, "");
   assert_int_equal(b->n, sizeof(expected) / sizeof(expected[0]));
   for (uint32_t i = 0; i < b->n; i++) {
      const struct backup_entry *e = &b->entries[i], *x = &expected[i];
      assert_string_equal(e->name, x->name);
      assert_true(e->profile == x->profile && e->enabled == x->enabled && e->pid == x->pid);
   }
   backup_free(b);
}

static struct config *load_options(const char *options)
{
   char text[2048];
   (void) snprintf(text, sizeof(text),
                   "<nemea-supervisor><modules><name>p</name><enabled>true</enabled>\n"
                   "<module xmlns:s=\"urn:nemea:supervisor\" %s>"
                   "<name>a</name><enabled>true</enabled><path>/bin/a</path></module>\n"
                   "<module><name>b</name><enabled>true</enabled><path>/bin/b</path></module>"
                   "</modules></nemea-supervisor>",
                   options);
   return load(text);
}

static void options_of_a_module_are_read(void **state)
{
   struct config *c =
       load_options("s:user='games' s:group='adm' s:cwd='/tmp' s:environment='A=1 \"B=two words\" C='"
                    " s:cpus='0-2,5' s:nice='-3' s:memory='64M' s:open-files='99' s:core='0'"
                    " s:sandbox='off' s:capabilities='NET_RAW, NET_ADMIN' s:cpu-limit='150' s:tasks='8' "
                    "s:after='b' s:log-limit='10000x2'");
   assert_int_equal(c->n_errors, 0);
   const struct config_options *o = &c->modules[0].options;
   assert_string_equal(o->text[OPTION_USER], "games");
   assert_string_equal(o->environment[1], "B=two words");
   assert_string_equal(o->environment[2], "C=");
   assert_null(o->environment[3]);
   assert_int_equal(CPU_COUNT(&o->cpus), 4);
   assert_true(CPU_ISSET(5, &o->cpus) && !CPU_ISSET(3, &o->cpus));
   assert_int_equal(o->nice, -3);
   assert_int_equal(o->memory, 64 << 20);
   assert_int_equal(o->open_files, 99);
   assert_int_equal(o->core, 0);
   assert_true(o->no_sandbox);
   assert_int_equal(o->cpu_limit, 150);
   assert_int_equal(o->tasks, 8);
   assert_int_equal(o->capabilities, 1u << 12 | 1u << 13);
   assert_string_equal(o->after[0], "b");
   assert_int_equal(o->log_bytes, 10000);
   assert_int_equal(o->log_files, 2);
   char *of_process = config_options_of_process(o);
   assert_non_null(strstr(of_process, "nice=-3\n"));
   assert_null(strstr(of_process, "after"));
   free(of_process);
   config_free(c);
   c = load_options("s:capabilities='none'");
   assert_int_equal(c->n_errors, 0);
   assert_non_null(c->modules[0].options.text[OPTION_CAPABILITIES]);
   assert_int_equal(c->modules[0].options.capabilities, 0);
   config_free(c);
}

static void wrong_options_are_errors_with_their_line(void **state)
{
   static const char *const wrong[][2] = {
       {"s:user='root'", "user \"root\": expected the name of a user other than root"},
       {"s:user='0'", "user \"0\""},
       {"s:user='00'", "user \"00\""},
       {"s:user=''", "user \"\""},
       {"s:user='-1'", "user \"-1\""},
       {"s:group='root'", "group \"root\""},
       {"s:cwd='tmp'", "cwd \"tmp\": expected a path that begins with /"},
       {"s:environment='A'", "environment \"A\": expected 1 to 64 NAME=VALUE"},
       {"s:environment='=1'", "environment"},
       {"s:environment=''", "environment"},
       {"s:environment='A-B=1'", "environment"},
       {"s:cpus='2-1'", "cpus \"2-1\": expected numbers of processors as in 0-3,6"},
       {"s:cpus='0,'", "cpus"},
       {"s:cpus='1024'", "cpus"},
       {"s:cpus='0-'", "cpus"},
       {"s:nice='20'", "nice \"20\": expected -20 to 19"},
       {"s:nice='-21'", "nice"},
       {"s:nice='--1'", "nice"},
       {"s:memory='1023k'", "memory \"1023k\": expected bytes, at least 1M"},
       {"s:memory='1MB'", "memory"},
       {"s:memory='99999999999G'", "memory"},
       {"s:open-files='15'", "open-files \"15\": expected 16 to 1048576"},
       {"s:cpu-limit='0'", "cpu-limit \"0\": expected percent of a core, 1 to 102400"},
       {"s:cpu-limit='50%'", "cpu-limit"},
       {"s:cpu-limit='102401'", "cpu-limit"},
       {"s:tasks='0'", "tasks \"0\": expected processes and threads, 1 to 1048576"},
       {"s:core='any'", "core \"any\""},
       {"s:sandbox='auto'", "sandbox \"auto\": expected on or off"},
       {"s:capabilities='SYS_ADMIN'", "capabilities \"SYS_ADMIN\": expected NET_RAW"},
       {"s:capabilities=' '", "capabilities"},
       {"s:capabilities='none, NET_RAW'", "capabilities"},
       {"s:after='a'", "after \"a\": expected 1 to 16 names of other modules"},
       {"s:log-limit='9999x1'", "log-limit \"9999x1\": expected BYTESxN"},
       {"s:log-limit='10000x'", "log-limit"},
   };
   for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
      struct config *c = load_options(wrong[i][0]);
      if (c->n_errors != 1) {
         fail_msg("%s: %u errors", wrong[i][0], c->n_errors);
      }
      assert_problem(c, wrong[i][1]);
      assert_problem(c, "t.xml:2: ");
      config_free(c);
   }
}

static void modules_that_wait_for_each_other_are_an_error(void **state)
{
   struct config *c = load(
       "<nemea-supervisor xmlns:s='urn:nemea:supervisor'><modules><name>p</name><enabled>true</enabled>\n"
       "<module s:after='b c'><name>a</name><enabled>true</enabled><path>/a</path></module>\n"
       "<module s:after='c'><name>b</name><enabled>true</enabled><path>/b</path></module>\n"
       "<module s:after='b nobody'><name>c</name><enabled>true</enabled><path>/c</path></module>\n"
       "</modules></nemea-supervisor>");
   assert_int_equal(c->n_errors, 1);
   assert_problem(c, "module \"a\" is to be started after \"b c\"");
   assert_problem(c, "t.xml:4: after \"nobody\": there is no module of that name");
   config_free(c);
}

static void options_of_its_process_restart_a_module(void **state)
{
   static const char *const changes[][2] = {
       {"s:nice='1'", "nice"},
       {"s:memory='2M'", "memory"},
       {"s:user='games'", "user"},
       {"s:cpus='0'", "cpus"},
       {"s:sandbox='off'", "sandbox"},
       {"s:environment='A=1'", "environment"},
       {"s:open-files='20'", "open-files"},
       {"s:cpu-limit='20'", "cpu-limit"},
       {"s:tasks='20'", "tasks"},
   };
   char what[256];
   struct config *old = load_options("");
   for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
      struct config *new = load_options(changes[i][0]);
      assert_int_equal(config_compare(old, &old->modules[0], new, &new->modules[0], what, sizeof(what)),
                       CHANGE_RESTART);
      assert_string_equal(what, changes[i][1]);
      config_free(new);
   }
   struct config *new = load_options("s:after='b' s:log-limit='10000x2'");
   assert_int_equal(config_compare(old, &old->modules[0], new, &new->modules[0], what, sizeof(what)),
                    CHANGE_FLAGS);
   assert_string_equal(what, "after, log-limit");
   config_free(new);
   config_free(old);
}

int main(int argc, char **argv)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(the_recorded_documents_have_their_verdicts),
       cmocka_unit_test(includes_are_in_the_order_of_names_with_their_own_lines),
       cmocka_unit_test(the_recorded_deployment_is_read),
       cmocka_unit_test(params_are_split_as_recorded),
       cmocka_unit_test(interfaces_are_joined),
       cmocka_unit_test(it_says_what_does_not_fit_together),
       cmocka_unit_test(only_what_matters_restarts_a_module),
       cmocka_unit_test(options_of_a_module_are_read),
       cmocka_unit_test(wrong_options_are_errors_with_their_line),
       cmocka_unit_test(modules_that_wait_for_each_other_are_an_error),
       cmocka_unit_test(options_of_its_process_restart_a_module),
       cmocka_unit_test(entities_do_not_multiply),
       cmocka_unit_test(more_problems_than_are_kept_are_counted),
       cmocka_unit_test(the_recorded_backup_is_read),
   };
   if (argc != 2) {
      fputs("usage: test_supervisor_config GOLDEN\n", stderr);
      return 2;
   }
   golden = argv[1];
   return cmocka_run_group_tests(tests, NULL, NULL);
}
