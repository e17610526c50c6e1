/* SPDX-License-Identifier: BSD-3-Clause */
/** Configurations of ipfixprobed: the resulting command line, and the errors of invalid ones. */
#include "program/probe_yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define INPUT  "input_plugin:\n  raw:\n    interface: eth0\n"
#define OUTPUT "output_plugin:\n  text:\n"

/* Sets text to the command line. \return the error of an invalid configuration */
static const char *line_of(const char *yaml)
{
   static char line[PROBE_YAML_WORD + PROBE_YAML_ERROR];
   struct probe_words words = {0};
   char error[PROBE_YAML_ERROR] = "";
   size_t n = 0;
   line[0] = 0;
   if (!probe_yaml_read("a.conf", yaml, strlen(yaml), &words, error)) {
      snprintf(line, sizeof(line), "%s", error);
   } else {
      assert_null(words.words[words.n]);
      for (unsigned i = 0; i < words.n; i++) {
         n += (size_t) snprintf(line + n, sizeof(line) - n, "%s%s", i > 0 ? " " : "", words.words[i]);
      }
   }
   probe_words_free(&words);
   return line;
}

static void every_key_becomes_its_option(void **state)
{
   (void) state;
   assert_string_equal(
       line_of("input_plugin:\n"
               "  raw: {interface: eth0, blocks_count: 64, packets_in_block: 16}\n"
               "storage:\n"
               "  cache: {size_exponent: 20, line_size_exponent: 0x4}\n"
               "  timeouts: {active: 60, inactive: 10}\n"
               "  split_biflow: true\n"
               "  fragmentation_cache: {enabled: false, size: 5, timeout: 6}\n"
               "process_plugins: [basic, dns, tls]\n"
               "output_plugin:\n"
               "  ipfix:\n"
               "    collector: {host: \"::1\", port: 4740}\n"
               "    mtu: 1200\n"
               "    exporter: {id: 7, dir: 8}\n"
               "    protocol: {tcp: {non_blocking: true, reconnect: 5}}\n"
               "    compression: {lz4: {enabled: true, buffer_size: 4096}}\n"
               "telemetry: {appfs: {enabled: false, mount_point: /mnt}, directory: /run/t}\n"
               "general:\n"
               "  queues_size: {input: 64, output: 100}\n"
               "  cpu_list: [0, 2]\n"),
       "-i raw;ifc=eth0;blocks=64;pkts=16 "
       "-s cache;size=20;line=4;active=60;inactive=10;split;frag-enable=false;frag-size=5;frag-timeout=6 "
       "-p basic -p dns -p tls "
       "-o ipfix;host=::1;port=4740;mtu=1200;id=7;dir=8;non-blocking-tcp;reconnect=5;lz4-compression;"
       "lz4-buffer-size=4096 -t /run/t -q 64 -Q 100 -C 0,2");
}

static void the_order_of_keys_does_not_count(void **state)
{
   (void) state;
   assert_string_equal(line_of(OUTPUT "process_plugins: [dns]\n" INPUT), "-i raw;ifc=eth0 -p dns -o text");
   assert_string_equal(
       line_of(
           "output_plugin: {text: {file: /a b}}\ninput_plugin: {pcap_file: {bpf_filter: port 53, file: x}}"),
       "-i pcap;file=x;filter=port 53 -o text;file=/a b");
}

static void other_inputs_and_outputs(void **state)
{
   static const char *const cases[][2] = {
       {"input_plugin: {pcap_live: {interface: eth0, bpf_filter: tcp, snap_length: 200}}\n" OUTPUT,
        "-i pcap;ifc=eth0;filter=tcp;snaplen=200 -o text"},
       {"input_plugin: {pcap_file: {file: x, capture_memory: 64}}\n" OUTPUT,
        "-i pcap;file=x;capture-memory=64 -o text"},
       {INPUT "output_plugin: {unirec: {ifc: \"u:a,u:b\", plugins: \"basic,(dns,tls)\", eof: true, odid: "
              "false, id: 3, dir: 1}}",
        "-i raw;ifc=eth0 -o unirec;ifc=u:a,u:b;plugins=basic,(dns,tls);eof;id=3;dir=1"},
       {INPUT "output_plugin: {ipfix: {collector: {host: h}, protocol: {udp: {template_refresh: 5}}}}",
        "-i raw;ifc=eth0 -o ipfix;host=h;udp;template=5"},
       {INPUT "output_plugin: {ipfix: {collector: {host: h}, protocol: {udp: }}}",
        "-i raw;ifc=eth0 -o ipfix;host=h;udp"},
       {INPUT "output_plugin: {ipfix: {collector: {host: h}, protocol: {tcp: {non_blocking: false}}}}",
        "-i raw;ifc=eth0 -o ipfix;host=h"},
       {INPUT OUTPUT "general: {cpu_list: \"1,3\"}\nstorage: ~\n", "-i raw;ifc=eth0 -s cache -o text -C 1,3"},
       {"x: &a {interface: eth0}\n",
        "a.conf:1: unknown key \"x\" (expected input_plugin, storage, process_plugins, "
        "output_plugin, telemetry, general)"}};
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      assert_string_equal(line_of(cases[i][0]), cases[i][1]);
   }
}

static void wrong_ones_are_told_with_line_value_and_what_was_expected(void **state)
{
   static const char *const cases[][2] = {
       {"", "a.conf:1: the file is empty (expected input_plugin, output_plugin)"},
       {"a: [1\n", "a.conf:2: invalid YAML: "},
       {"- a\n", "a.conf:1: a list (expected a mapping with input_plugin, "},
       {OUTPUT, "a.conf:1: key input_plugin is missing"},
       {INPUT, "a.conf:1: key output_plugin is missing"},
       {INPUT OUTPUT "---\n" INPUT, "a second document (expected one)"},
       {INPUT INPUT OUTPUT, "a.conf:4: duplicate key input_plugin"},
       {INPUT OUTPUT "storage:\n  cache:\n    size: 3\n",
        "a.conf:8: storage.cache: unknown key \"size\" (expected size_exponent, line_size_exponent)"},
       {INPUT OUTPUT "storage:\n  cache:\n    size_exponent: 40\n",
        "a.conf:8: storage.cache.size_exponent: \"40\" (expected a number from 4 to 30)"},
       {INPUT OUTPUT "storage:\n  cache:\n    size_exponent: '17'\n",
        "a.conf:8: storage.cache.size_exponent: \"17\" (expected a number from 4 to 30)"},
       {INPUT OUTPUT "storage: {timeouts: {active: [1]}}\n",
        "a.conf:6: storage.timeouts.active: a list (expected a number from 1 to 1000000)"},
       {INPUT OUTPUT "storage: {split_biflow: yes}\n",
        "a.conf:6: storage.split_biflow: \"yes\" (expected true or false)"},
       {INPUT OUTPUT "storage: 5\n", "a.conf:6: storage: a value (expected a mapping with cache, "},
       {INPUT OUTPUT "process_plugins: dns\n",
        "a.conf:6: process_plugins: a value (expected a list of process plugins)"},
       {INPUT OUTPUT "process_plugins:\n  - dns\n  - dsn\n",
        "a.conf:8: process_plugins: unknown process plugin \"dsn\" (expected basic, "},
       {"input_plugin:\n  pcap_file: {}\n" OUTPUT, "a.conf:2: input_plugin.pcap_file: key file is missing"},
       {"input_plugin: {pcap_file: {file: x, capture_memory: 15}}\n" OUTPUT,
        "a.conf:1: input_plugin.pcap_file.capture_memory: \"15\" (expected a number from 16 to 1048576)"},
       {"input_plugin: {raw: {interface: a, capture_memory: 64}}\n" OUTPUT,
        "input_plugin.raw: unknown key \"capture_memory\" (expected interface, blocks_count, "
        "packets_in_block)"},
       {"input_plugin: {raw: {interface: a}, pcap_file: {file: b}}\n" OUTPUT,
        "a.conf:1: input_plugin: 2 keys (expected one of pcap_file, pcap_live, raw)"},
       {"input_plugin:\n" OUTPUT,
        "a.conf:1: input_plugin: 0 keys (expected one of pcap_file, pcap_live, raw)"},
       {"input_plugin:\n  dpdk: {}\n" OUTPUT, "a.conf:2: input_plugin.dpdk: is not available here"},
       {"input_plugin:\n  dpdk_ring: {}\n" OUTPUT, "input_plugin.dpdk_ring: is not available here"},
       {"input_plugin:\n  ndp: {device: x}\n" OUTPUT, "input_plugin.ndp: is not available here"},
       {"input_plugin: {raw: {interface: 'a;b'}}\n" OUTPUT,
        "input_plugin.raw.interface: \"a;b\" has a semicolon or a control character (expected text)"},
       {"input_plugin: {raw: {interface: \"a\\0b\"}}\n" OUTPUT, "has a semicolon or a control character"},
       {"input_plugin: {raw: {interface: ''}}\n" OUTPUT, "the value is empty (expected text)"},
       {INPUT "output_plugin: {ipfix: }\n", "a.conf:4: output_plugin.ipfix: key collector is missing"},
       {INPUT "output_plugin: {ipfix: {collector: {host: h}, protocol: {udp: , tcp: }}}\n",
        "output_plugin.ipfix.protocol: 2 keys (expected one of udp, tcp)"},
       {INPUT OUTPUT "general: {cpu_list: []}\n",
        "general.cpu_list: an empty list (expected numbers of CPUs"},
       {INPUT OUTPUT "general: {cpu_list: a}\n", "general.cpu_list: \"a\" (expected numbers of CPUs"},
       {INPUT OUTPUT "general: {cpu_list: [0, x]}\n", "general.cpu_list: \"x\" (expected numbers of CPUs"},
       {INPUT OUTPUT "general: {queues_size: {input: 0}}\n",
        "general.queues_size.input: \"0\" (expected a number from 1 to "},
       {INPUT OUTPUT "telemetry:\n  appfs:\n    enabled: true\n",
        "a.conf:8: telemetry.appfs.enabled: there is no telemetry file system (FUSE) here"}};
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      if (strstr(line_of(cases[i][0]), cases[i][1]) == NULL) {
         fail_msg("\"%s\" instead of \"%s\"", line_of(cases[i][0]), cases[i][1]);
      }
   }
}

static void nothing_grows_without_limit(void **state)
{
   static char yaml[PROBE_YAML_SIZE + 2];
   (void) state;
   size_t n = (size_t) snprintf(yaml, sizeof(yaml), INPUT OUTPUT "process_plugins: [dns");
   for (unsigned i = 0; i < PROBE_YAML_WORDS; i++) {
      n += (size_t) snprintf(yaml + n, sizeof(yaml) - n, ", dns");
   }
   snprintf(yaml + n, sizeof(yaml) - n, "]\n");
   assert_non_null(strstr(line_of(yaml), "more than 160 words"));
   n = (size_t) snprintf(yaml, sizeof(yaml), OUTPUT "input_plugin: {raw: {interface: ");
   memset(yaml + n, 'x', 2000);
   snprintf(yaml + n + 2000, sizeof(yaml) - n - 2000, "}}\n");
   assert_non_null(strstr(line_of(yaml), "is longer than 1024 bytes"));
   memset(yaml, ' ', sizeof(yaml) - 1);
   assert_non_null(strstr(line_of(yaml), "more than 1048576 bytes"));
   memset(yaml, '[', sizeof(yaml) / 2);
   yaml[sizeof(yaml) / 2] = 0;
   assert_non_null(strstr(line_of(yaml), "a.conf:1: mappings and lists nested deeper than 16"));
   /* aliases of aliases, which would be 10^9 nodes if they were followed */
   n = (size_t) snprintf(yaml, sizeof(yaml),
                         INPUT OUTPUT
                         "general: {cpu_list: &a [x]}\nstorage: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n");
   snprintf(yaml + n, sizeof(yaml) - n, "process_plugins: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n");
   assert_non_null(strstr(line_of(yaml), "expected"));
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(every_key_becomes_its_option),
       cmocka_unit_test(the_order_of_keys_does_not_count),
       cmocka_unit_test(other_inputs_and_outputs),
       cmocka_unit_test(wrong_ones_are_told_with_line_value_and_what_was_expected),
       cmocka_unit_test(nothing_grows_without_limit),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
