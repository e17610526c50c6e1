/* SPDX-License-Identifier: BSD-3-Clause */
/** Features, models, labels, outputs and training of device_classifier. */
#include <nemea/module_cmocka.h>

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <sys/stat.h>

#include "classifier.h"

#define FORMAT                                                                                         \
   "time TIME_FIRST,time TIME_LAST,ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 " \
   "PROTOCOL,"                                                                                         \
   "uint32 PACKETS,uint64 BYTES"
#define HEADER "svm_type c_svc\nkernel_type linear\nnr_class 2\ntotal_sv 1\nrho -0.5\nlabel 1 -1\nnr_sv 1 0\n"
/* A server is who begins fewer than half of its connections. */
#define SERVER_MODEL HEADER "SV\n-1 1:1 \n"

static char directory[] = "/tmp/nemea-devices-XXXXXX";

static char *in_directory(const char *name)
{
   static char path[100];
   snprintf(path, sizeof(path), "%.40s/%.50s", directory, name);
   return path;
}

static void put(const char *name, const char *text)
{
   FILE *file = fopen(in_directory(name), "we");
   assert_non_null(file);
   fputs(text, file);
   assert_int_equal(fclose(file), 0);
}

static const char *get(const char *name)
{
   static char text[16384];
   FILE *file = fopen(in_directory(name), "re");
   size_t n = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;
   if (file != NULL) {
      fclose(file);
   }
   text[n] = 0;
   return text;
}

static void empty(void)
{
   DIR *dir = opendir(directory);
   for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
      unlink(in_directory(entry->d_name));
   }
   closedir(dir);
}

static int set_up(void **state)
{
   return mkdtemp(directory) != NULL ? nm_unit_make_file(state) : -1;
}

static int tear_down(void **state)
{
   empty();
   return nm_unit_remove_file(state) != 0 ? -1 : rmdir(directory);
}

static nm_test_t *start(const char *more)
{
   char options[300];
   snprintf(options, sizeof(options), "-M %s %s", directory, more);
   assert_true(nm_test_catch(STDOUT_FILENO));
   return nm_unit_start(options, FORMAT);
}

static nm_test_t *start_with_server(const char *more)
{
   empty();
   put("models.list", "# test\n7:SERVER\n@198.51.100.0/24:GUESTS\n");
   put("7", SERVER_MODEL);
   return start(more);
}

/* ---------------------------------------------------------------- features */

static nc_table_t *table(uint32_t key, uint32_t value)
{
   nc_table_t *t = nc_table_new(&(nc_table_config_t){.capacity = 100, .key_size = key, .value_size = value});
   assert_non_null(t);
   return t;
}

static ur_time_t at(uint32_t seconds)
{
   return (ur_time_t) seconds << 32;
}

static void features_are_those_of_the_description(void **state)
{
   (void) state;
   struct device d = {.number = 3};
   struct feature f[MOST_FEATURES];
   struct port_list list;
   nc_table_t *peers = table(sizeof(struct peer_key), sizeof(ur_time_t)), *ports = table(8, 8);
   struct seen request = {.peer = ip_from_int(1),
                          .bytes = 300,
                          .packets = 10,
                          .first = at(100),
                          .last = at(120),
                          .port = 80,
                          .protocol = 6,
                          .way = RECEIVED};
   struct seen answer = {.peer = ip_from_int(1),
                         .bytes = 900,
                         .packets = 30,
                         .first = at(100),
                         .last = at(110),
                         .port = 80,
                         .protocol = 6,
                         .way = SENT};
   struct seen question = {.peer = ip_from_int(2),
                           .bytes = 0,
                           .packets = 10,
                           .first = at(130),
                           .last = at(130),
                           .port = 60000,
                           .protocol = 17,
                           .way = SENT};
   device_count(&d, peers, ports, &request);
   device_count(&d, peers, ports, &answer); /* of the same connection */
   device_count(&d, peers, ports, &question);
   request.first = request.last = at(180); /* 60 s after the end of the last flow */
   device_count(&d, peers, ports, &request);
   assert_int_equal(d.connections, 2);
   request.first = request.last = at(241); /* more than that */
   device_count(&d, peers, ports, &request);
   assert_int_equal(d.connections, 3);
   assert_int_equal(d.peers, 2);
   assert_int_equal(d.initiated, 1);
   assert_true(port_list_make(&list, ports));
   unsigned n = device_features(&d, &list, f);
   static const struct {
      int index;
      double value;
   } expected[] = {{1, 1.0 / 3},   {2, 900.0 / 1800}, {3, 0.197375},       {4, 0.099668},
                   {5, 0.099668},  {7, 0.049958},     {8, 0.049958},       {9, 0.066568},
                   {10, 0.094002}, {11, 0.8},         {12 + 80, 0.983675}, {12 + 49152, 0.537050}};
   assert_int_equal(n, sizeof(expected) / sizeof(expected[0]));
   for (unsigned i = 0; i < n; i++) {
      assert_int_equal(f[i].index, expected[i].index);
      if (fabs(f[i].value - expected[i].value) > 1e-5) {
         fail_msg("feature %d is %f, expected %f", f[i].index, f[i].value, expected[i].value);
      }
   }
   port_list_free(&list);
   nc_table_free(peers);
   nc_table_free(ports);
}

static void rare_ports_are_no_features(void **state)
{
   (void) state;
   struct device d = {.number = 1};
   struct feature f[MOST_FEATURES];
   struct port_list list;
   nc_table_t *peers = table(sizeof(struct peer_key), sizeof(ur_time_t)), *ports = table(8, 8);
   for (uint16_t i = 0; i < 200;
        i++) { /* a scan: a port for each flow; the table has room for half of them */
      struct seen seen = {.peer = ip_from_int(9), .packets = 1, .port = i, .protocol = 6, .way = RECEIVED};
      device_count(&d, peers, ports, &seen);
   }
   assert_true(port_list_make(&list, ports));
   unsigned n = device_features(&d, &list, f);
   assert_true(f[n - 1].index <= FIXED_FEATURES);
   port_list_free(&list);
   nc_table_free(peers);
   nc_table_free(ports);
}

/* ---------------------------------------------------------------- files */

static void models_are_checked(void **state)
{
   (void) state;
   static const char *const wrong[][2] = {
       {"", "the line SV is missing"},
       {"svm_type epsilon_svr\n", "line 1: svm_type: \"epsilon_svr\" is not supported"},
       {"kernel_type precomputed\n", "kernel_type: \"precomputed\" is not supported"},
       {"kernel_type linear\nkernel_type linear\n", "line 2: \"kernel_type\""},
       {"gamma nan\n", "gamma: \"nan\""},
       {"gamma -1\n", "gamma: \"-1\""},
       {"nr_class 3\n", "nr_class: \"3\""},
       {"total_sv 0\n", "total_sv: \"0\""},
       {"total_sv 99999999\n", "total_sv"},
       {"label 2 -1\n", "label"},
       {"label 1 1\n", "label"},
       {"rho inf\n", "rho"},
       {"rho 0 0\n", "rho"},
       {"colour red\n", "\"colour\": expected a line of the header"},
       {"svm_type c_svc\nSV\n", "the line kernel_type is missing"},
       {"svm_type c_svc\nkernel_type rbf\nnr_class 2\ntotal_sv 1\nrho 0\nlabel 1 0\nnr_sv 1 0\nSV\n1 1:1\n",
        "the line gamma is missing"},
       {HEADER "SV\n", "total_sv is 1, which is more than the file has"},
       {HEADER "SV\nx 1:1\n", "line 9: \"x\": expected the coefficient"},
       {HEADER "SV\n1 0:1\n", "\"0\": expected INDEX:VALUE"},
       {HEADER "SV\n1 2:1 2:1\n", "expected INDEX:VALUE, indices ascending"},
       {HEADER "SV\n1 99999:1\n", "expected INDEX:VALUE"},
       {HEADER "SV\n1 2\n", "expected INDEX:VALUE"},
       {HEADER "SV\n1 2:1e999\n", "expected INDEX:VALUE"},
       {HEADER "SV\n1 1:1\n2 1:1\n", "more support vectors than the 1"},
       {"svm_type c_svc\nkernel_type linear\nnr_class 2\ntotal_sv 2\nrho 0\nlabel 1 0\nnr_sv 2 1\nSV\n1 "
        "1:1\n1 1:1\n",
        "nr_sv 2 1: expected a sum of 2"},
   };
   char why[MODEL_WHY];
   for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
      assert_null(model_read(wrong[i][0], strlen(wrong[i][0]), why));
      if (strstr(why, wrong[i][1]) == NULL) {
         fail_msg("\"%s\" is not in \"%s\"", wrong[i][1], why);
      }
   }
   assert_null(model_read("svm_type\0c_svc\n", 15, why));
   struct model *m = model_read(SERVER_MODEL, strlen(SERVER_MODEL), why);
   struct svm_node nodes[MOST_FEATURES + 1];
   assert_non_null(m);
   model_nodes(&(struct feature){1, 0.4}, 1, nodes);
   assert_true(model_says(m, nodes));
   model_nodes(&(struct feature){1, 0.6}, 1, nodes);
   assert_false(model_says(m, nodes));
   model_free(m);
}

static void lists_are_checked(void **state)
{
   (void) state;
   static const char *const wrong[][2] = {
       {"0:A\n1:B\n0:C\n", "line 3: 0:C: there is this id or label already"},
       {"0:A\n1:A\n", "line 2: 1:A: there is"},
       {"x:A\n", "\"x\" is no id"},
       {"70000:A\n", "\"70000\" is no id"},
       {"-1:A\n", "\"-1\" is no id"},
       {"0:\n", "expected ID:LABEL"},
       {"0:A,B\n", "expected ID:LABEL"},
       {"0:A\"\n", "expected ID:LABEL"},
       {"SERVER\n", "expected ID:LABEL"},
       {"0:ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF\n", "expected ID:LABEL"},
       {"@10.0.0.0/33:A\n", "\"10.0.0.0/33\" is no network"},
       {"@net:A\n", "\"net\" is no network"},
   };
   struct labels l;
   char why[LABELS_WHY];
   for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
      assert_false(labels_read(&l, wrong[i][0], strlen(wrong[i][0]), why));
      if (strstr(why, wrong[i][1]) == NULL) {
         fail_msg("\"%s\" is not in \"%s\"", wrong[i][1], why);
      }
   }
   const char *good = " 3 :NO\n";
   assert_false(labels_read(&l, good, strlen(good), why));
   good = "# list\r\n12:A/B-C # twelve\r\n\n@10.0.0.0/8:WIDE\n@10.1.0.0/16:NARROW\n@2001:db8::/32:SIX";
   assert_true(labels_read(&l, good, strlen(good), why));
   assert_int_equal(l.n, 1);
   assert_int_equal(l.list[0].id, 12);
   assert_true(labels_add(&l, "NEW"));
   assert_int_equal(l.list[1].id, 13);
   ip_addr_t ip = ip_from_int(0x0a010203);
   assert_string_equal(labels_reserved(&l, &ip), "NARROW");
   ip = ip_from_int(0x0a020203);
   assert_string_equal(labels_reserved(&l, &ip), "WIDE");
   ip = ip_from_int(0x0b020203);
   assert_null(labels_reserved(&l, &ip));
   assert_int_equal(ip_from_str("2001:db8::1", &ip), 1);
   assert_string_equal(labels_reserved(&l, &ip), "SIX");
   labels_clear(&l);
}

static void lessons_and_examples_are_checked(void **state)
{
   (void) state;
   static const char *const lessons[][2] = {{"", "there is no line"},
                                            {"10.0.0.1\n", "expected a label"},
                                            {"host A\n", "\"host\" is no address"},
                                            {"10.0.0.1 A B\n", "\"A B\": expected a label"}};
   static const char *const examples[][2] = {{"1 1:0.5\n2 1:0.5\n", "line 2: \"2\": expected ids"},
                                             {"0,,1 1:1\n", "expected ids"},
                                             {"0, 1:1\n", "expected ids"},
                                             {"-0 1:1\n", "expected ids"},
                                             {"0 0:1\n", "expected INDEX:VALUE"},
                                             {"0 2:1 1:1\n", "\"1:1\": expected INDEX:VALUE"},
                                             {"0 1:x\n", "expected INDEX:VALUE"},
                                             {"0 1:\n", "expected INDEX:VALUE"},
                                             {"0 1:inf\n", "expected INDEX:VALUE"}};
   char why[CLASSIFIER_WHY];
   struct labels l;
   struct examples e;
   for (size_t i = 0; i < sizeof(lessons) / sizeof(lessons[0]); i++) {
      assert_null(lessons_read(lessons[i][0], strlen(lessons[i][0]), why));
      assert_non_null(strstr(why, lessons[i][1]));
   }
   assert_true(labels_read(&l, "0:A\n1:B\n", 8, why));
   for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
      assert_false(examples_read(&e, &l, examples[i][0], strlen(examples[i][0]), why));
      if (strstr(why, examples[i][1]) == NULL) {
         fail_msg("\"%s\" is not in \"%s\"", examples[i][1], why);
      }
   }
   const char *good = "# base\n0,1 1:0.5 49164:1\r\n\n1\n";
   assert_true(examples_read(&e, &l, good, strlen(good), why));
   assert_int_equal(e.n, 2);
   assert_int_equal(e.list[0].labels, 3);
   assert_int_equal(e.nodes[e.list[0].first + 1].index, 49164);
   assert_int_equal(e.nodes[e.list[1].first].index, -1);
   examples_free(&e);
   labels_clear(&l);
}

/* ---------------------------------------------------------------- outputs */

static void devices_are_labelled(void **state)
{
   (void) state;
   char file[64], options[100];
   snprintf(file, sizeof(file), "%s/out.json", directory);
   snprintf(options, sizeof(options), "-m 1 -F %s", file);
   nm_test_t *t = start_with_server(options);
   nm_unit_feed_at(t, 0, 10, "10.0.0.1,10.0.0.2,50000,80,6,5,500");
   nm_unit_feed_at(t, 0, 10, "10.0.0.2,10.0.0.1,80,50000,6,9,5000");
   nm_unit_feed_at(t, 1, 10, "2001:db8::1,198.51.100.7,50000,80,6,5,500");
   nm_unit_feed_at(t, 61, 61, "10.0.0.9,10.0.0.8,50000,80,6,5,500");
   assert_string_equal(
       get("out.json"),
       "[[{\"ip\":\"10.0.0.1\",\"labels\":[]},{\"ip\":\"10.0.0.2\",\"labels\":[\"SERVER\"]},"
       "{\"ip\":\"2001:db8::1\",\"labels\":[]},{\"ip\":\"198.51.100.7\",\"labels\":[\"GUESTS\"]}]]\n");
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_string_equal(
       nm_test_caught(),
       "ip_address\tlabels\n10.0.0.1\t\n10.0.0.2\tSERVER\n2001:db8::1\t\n198.51.100.7\tGUESTS\n"
       "10.0.0.9\t\n10.0.0.8\tSERVER\n");
   assert_non_null(strstr(get("out.json"), "[\"GUESTS\"]}],\n[{\"ip\":\"10.0.0.9\",\"labels\":[]},{\"ip\":"
                                           "\"10.0.0.8\",\"labels\":[\"SERVER\"]}]]\n"));
   nm_test_free(t);
}

static void what_was_counted_is_kept_on_request(void **state)
{
   (void) state;
   nm_test_t *t = start_with_server("-a -p 2");
   nm_unit_feed_at(t, 0, 10, "10.0.0.1,10.0.0.2,50000,80,6,5,500");
   assert_int_equal(nm_test_signal(t, SIGUSR1), NM_OK);
   nm_unit_feed_at(t, 20, 30, "10.0.0.3,10.0.0.2,50000,80,6,5,500");
   assert_int_equal(nm_test_signal(t, SIGUSR1), NM_OK);
   assert_string_equal(nm_test_caught(),
                       "ip_address\tlabels\n10.0.0.2\tSERVER\n"); /* only now it has two peers */
   assert_int_equal(nm_test_counter(t, "outputs"), 2);
   nm_test_free(t);
}

static void models_are_read_again(void **state)
{
   (void) state;
   nm_test_t *t = start_with_server("");
   put("models.list", "7:HOST\n");
   assert_int_equal(nm_test_signal(t, SIGHUP), NM_OK);
   put("7", "damage\n"); /* a warning; the labels stay as they are */
   assert_int_equal(nm_test_signal(t, SIGHUP), NM_OK);
   nm_unit_feed_at(t, 0, 10, "10.0.0.1,198.51.100.7,50000,80,6,5,500");
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_non_null(strstr(nm_test_caught(), "198.51.100.7\tHOST\n"));
   nm_test_free(t);
}

static void only_devices_of_the_filter(void **state)
{
   (void) state;
   char options[100];
   nm_unit_write("10.0.0.0/24\n2001:db8::1\n");
   snprintf(options, sizeof(options), "-f %s", nm_unit_path());
   nm_test_t *t = start_with_server(options);
   nm_unit_feed_at(t, 0, 10, "10.0.0.1,10.0.1.1,50000,80,6,5,500");
   nm_unit_feed_at(t, 0, 10, "10.0.1.1,2001:db8::1,50000,80,6,5,500");
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_string_equal(nm_test_caught(), "ip_address\tlabels\n10.0.0.1\t\n2001:db8::1\tSERVER\n");
   nm_test_free(t);
}

static void memory_is_bounded(void **state)
{
   (void) state;
   nm_test_t *t = start_with_server("-c 2 --peers-capacity 2 --ports-capacity 2");
   for (int i = 1; i <= 50; i++) {
      char flow[100];
      snprintf(flow, sizeof(flow), "10.0.0.%d,10.1.0.%d,%d,80,6,5,500", i, i, 1000 + i);
      nm_unit_feed_at(t, 0, 1, flow);
   }
   assert_int_equal(nm_test_counter(t, "devices"), 100);
   assert_int_equal(nm_test_counter(t, "devices evicted"), 98);
   assert_int_equal(nm_test_counter(t, "peers") - nm_test_counter(t, "peers evicted"), 2);
   assert_int_equal(nm_test_counter(t, "ports") - nm_test_counter(t, "ports evicted"), 2);
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_non_null(nm_test_caught());
   nm_test_free(t);
}

/* ---------------------------------------------------------------- training */

static void feed_lessons(nm_test_t *t, unsigned from)
{
   for (unsigned i = from; i < from + 8; i++) {
      char flow[100];
      snprintf(flow, sizeof(flow), "10.0.0.%u,10.0.1.%u,50000,25,6,%u,500", i, i, 4 + i);
      nm_unit_feed_at(t, 0, 10 + i, flow);
      snprintf(flow, sizeof(flow), "10.0.1.%u,10.0.0.%u,25,50000,6,%u,900", i, i, 5 + i);
      nm_unit_feed_at(t, 0, 10 + i, flow);
   }
}

static void examples_make_models(void **state)
{
   (void) state;
   char lessons[1000] = "", options[100], why[CLASSIFIER_WHY] = "";
   empty();
   for (int i = 1; i <= 8; i++) {
      size_t n = strlen(lessons);
      snprintf(lessons + n, sizeof(lessons) - n, "10.0.0.%d CLIENT\n10.0.1.%d MAIL\n10.0.1.%d SERVER\n", i, i,
               i);
   }
   nm_unit_write(lessons);
   snprintf(options, sizeof(options), "-t %s", nm_unit_path());
   nm_test_t *t = start(options);
   feed_lessons(t, 1);
   nm_unit_feed_at(t, 0, 1, "10.9.9.9,10.9.9.8,1,2,6,1,1"); /* no lesson */
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_non_null(strstr(nm_test_caught(), "10.0.1.8\t[TRAINING...]\n"));
   nm_test_free(t);
   assert_string_equal(get("models.list"), "0:CLIENT\n1:MAIL\n2:SERVER\n");
   assert_int_equal(strncmp(get("db.svm"), "0 1:1 2:0.35", 12), 0);
   assert_non_null(strstr(get("db.svm"), "\n1,2 2:0.6"));

   FILE *none = fopen("/dev/null", "we");
   assert_non_null(none);
   if (!models_build(directory, none, why)) {
      fail_msg("%s", why);
   }
   fclose(none);
   t = start("");
   feed_lessons(t, 20);
   assert_int_equal(nm_test_finish(t), NM_OK);
   const char *out = nm_test_caught();
   assert_non_null(strstr(out, "\n10.0.0.27\tCLIENT\n"));
   assert_non_null(strstr(out, "\n10.0.1.27\tMAIL,SERVER\n"));
   nm_test_free(t);
}

static void shipped_models_are_read(void **state)
{
   (void) state;
   struct classifier c;
   char why[CLASSIFIER_WHY] = "";
   if (!classifier_read(&c, NULL, true, false, why)) {
      fail_msg("%s", why);
   }
   assert_int_equal(c.labels.n, 10);
   /* A name server: it begins nothing, and all of its flows are of port 53. */
   static const struct feature dns[] = {{2, 0.6}, {3, 0.01}, {5, 0.01}, {FIXED_FEATURES + 1 + 53, 0.995}};
   uint64_t labels = classifier_ask(&c, dns, 4);
   assert_int_equal(labels, UINT64_C(1) << labels_find(&c.labels, "SERVER") |
                                UINT64_C(1) << labels_find(&c.labels, "DNS"));
   classifier_clear(&c);
}

static void wrong_options_are_named(void **state)
{
   (void) state;
   char both[200], missing[100], nowhere[100];
   empty();
   nm_unit_write("10.0.0.1 A\n");
   snprintf(missing, sizeof(missing), "-t %s", nm_unit_path());
   snprintf(nowhere, sizeof(nowhere), "-M %s", directory);
   const char *const wrong[][2] = {
       {missing, "option --train needs --models DIR"},
       {"--build", "option --build needs --models DIR"},
       {nowhere, "models.list: No such file"},
       {"-M /tmp -t /nowhere/lessons", "cannot read /nowhere/lessons"},
       {"-F /nowhere/out.json", "cannot write '/nowhere/out.json'"},
   };
   for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
      nm_test_t *t = nm_test_new(&nm_definition, wrong[i][0]);
      assert_non_null(nm_test_error(t));
      if (strstr(nm_test_error(t), wrong[i][1]) == NULL) {
         fail_msg("\"%s\" is not in \"%s\"", wrong[i][1], nm_test_error(t));
      }
      nm_test_free(t);
   }
   nm_unit_write("10.0.0.1\n");
   snprintf(both, sizeof(both), "-M %s -f %s -t %s", directory, nm_unit_path(), nm_unit_path());
   nm_test_t *t = nm_test_new(&nm_definition, both);
   assert_non_null(strstr(nm_test_error(t), "line 1")); /* a file of the filter is none of lessons */
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(features_are_those_of_the_description),
       cmocka_unit_test(rare_ports_are_no_features),
       cmocka_unit_test(models_are_checked),
       cmocka_unit_test(lists_are_checked),
       cmocka_unit_test(lessons_and_examples_are_checked),
       cmocka_unit_test(devices_are_labelled),
       cmocka_unit_test(what_was_counted_is_kept_on_request),
       cmocka_unit_test(models_are_read_again),
       cmocka_unit_test(only_devices_of_the_filter),
       cmocka_unit_test(memory_is_bounded),
       cmocka_unit_test(examples_make_models),
       cmocka_unit_test(shipped_models_are_read),
       cmocka_unit_test(wrong_options_are_named),
   };
   return cmocka_run_group_tests(tests, set_up, tear_down);
}
