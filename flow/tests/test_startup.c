/* SPDX-License-Identifier: BSD-3-Clause */
/** Start-up files of ipfixcol2 as options. */
#include "collector/startup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define UDP                                                                                           \
   "<input><name>in</name><plugin>udp</plugin><params><localPort>4739</localPort><localIPAddress/></" \
   "params></input>"
#define OUT(spec)                                                                                       \
   "<output><name>out</name><plugin>unirec</plugin><params><uniRecFormat>SRC_IP,?DST_IP</uniRecFormat>" \
   "<trapIfcSpec>" spec "</trapIfcSpec></params></output>"
#define UNIX "<unix><name>flows</name></unix>"
#define FILE_OF(inputs, outputs)                                                         \
   "<ipfixcol2>\n<inputPlugins>\n" inputs "\n</inputPlugins>\n<outputPlugins>\n" outputs \
   "\n</outputPlugins>\n</ipfixcol2>\n"

static void expect(const char *text, const char *words, const char *notes)
{
   char *errors, line[4000] = "";
   struct fc_startup *s = fc_startup_parse("startup.xml", text, strlen(text), &errors);
   if (s == NULL) {
      fail_msg("%s", errors);
   }
   assert_null(s->words[s->n]);
   for (unsigned i = 0; i < s->n; i++) {
      strcat(strcat(line, i > 0 ? " " : ""), s->words[i]);
   }
   assert_string_equal(line, words);
   if (notes[0] == 0) {
      assert_string_equal(s->notes, "");
   } else {
      assert_non_null(strstr(s->notes, notes));
   }
   fc_startup_free(s);
}

static void expect_error(const char *text, const char *message)
{
   char *errors;
   assert_null(fc_startup_parse("startup.xml", text, strlen(text), &errors));
   assert_non_null(errors);
   if (strstr(errors, message) == NULL) {
      fail_msg("\"%s\" is not in: %s", message, errors);
   }
   free(errors);
}

static void inputs_and_interfaces_become_options(void **state)
{
   (void) state;
   expect(FILE_OF(UDP, OUT(UNIX)),
          "-u 4739 -f SRC_IP,?DST_IP -i u:flows:max_clients=64:timeout=HALF_WAIT:buffer=on:autoflush=500000",
          "");
   expect(FILE_OF("<input><plugin>tcp</plugin><params><localPort> 9000 "
                  "</localPort><localIPAddress>192.0.2.1</localIPAddress>"
                  "<localIPAddress>2001:db8::1</localIPAddress></params></input>",
                  OUT("<tcp><port>8000</port><maxClients>5</maxClients></tcp>")),
          "-t 192.0.2.1:9000 -t [2001:db8::1]:9000 -f SRC_IP,?DST_IP "
          "-i t:8000:max_clients=5:timeout=HALF_WAIT:buffer=on:autoflush=500000",
          "");
   expect(FILE_OF(UDP, OUT("<tcp-tls><port>1</port><keyFile>/k</keyFile><certFile>/c</certFile><caFile>/a</"
                           "caFile></tcp-tls>")),
          "-u 4739 -f SRC_IP,?DST_IP -i "
          "T:1:/k:/c:/a:max_clients=64:timeout=HALF_WAIT:buffer=on:autoflush=500000",
          "");
   expect(FILE_OF("<input><plugin>ipfix</plugin><params><path>/a/b.ipfix</path></params></input>",
                  OUT("<file><name>/d/flows</name><mode>append</mode><time>5</time><size>10</size></file>")),
          "-r /a/b.ipfix -f SRC_IP,?DST_IP -i f:/d/flows:a:time=5:size=10", "");
}

static void common_parameters_and_several_outputs_are_read(void **state)
{
   (void) state;
   expect(FILE_OF(UDP, "<output><plugin>unirec</plugin><params><trapIfcCommon><timeout>NO_WAIT</timeout>"
                       "<buffer>false</buffer><autoflush>0</autoflush></trapIfcCommon>"
                       "<uniRecFormat><!-- two --> BYTES,<![CDATA[PACKETS]]></uniRecFormat>"
                       "<trapIfcSpec><unix><name>a</name></unix></trapIfcSpec></params></output>" OUT(
                           "<file><name>b</name></file>")),
          "-u 4739 -f BYTES,PACKETS -f SRC_IP,?DST_IP "
          "-i u:a:max_clients=64:timeout=NO_WAIT:buffer=off:autoflush=off,f:b:w",
          "");
}

static void what_has_no_effect_is_named_with_its_line(void **state)
{
   (void) state;
   static const char options[] =
       "-u 4739 -f SRC_IP,?DST_IP -i u:flows:max_clients=64:timeout=HALF_WAIT:buffer=on:autoflush=500000";
   expect(FILE_OF(UDP, OUT(UNIX) "\n<output><name>j</name><plugin>json</plugin><params/></output>"), options,
          "startup.xml:7: output \"json\" is left out");
   expect("<ipfixcol2><inputPlugins>" UDP
          "</inputPlugins>\n<intermediatePlugins>\n<intermediate><name>a</name>"
          "<plugin>anonymization</plugin></intermediate></intermediatePlugins><outputPlugins>" OUT(
              UNIX) "</outputPlugins></ipfixcol2>",
          options, "startup.xml:3: intermediate plugin \"anonymization\" is left out");
   expect(FILE_OF("<input><plugin>udp</plugin><params><localPort>4739</localPort>\n"
                  "<templateLifeTime>1800</templateLifeTime></params></input>",
                  OUT(UNIX)),
          options, "startup.xml:4: <templateLifeTime> has no effect");
}

#define TLS(parts) "<input><plugin>tcp</plugin><params><tls>" parts "</tls></params></input>"
#define FILES      "<certificateFile>/c</certificateFile><caFile> /a </caFile>"

static void inputs_with_tls_become_options(void **state)
{
   (void) state;
   const char *options = "--tls-certificate /c --tls-key /c --tls-ca /a --tls 4739 -f SRC_IP,?DST_IP -i "
                         "u:flows:max_clients=64:timeout=HALF_WAIT:buffer=on:autoflush=500000";
   expect(FILE_OF(TLS(FILES "<verifyPeer>true</verifyPeer>"), OUT(UNIX)), options, "");
   expect(FILE_OF("\n" TLS(FILES), OUT(UNIX)), options,
          "startup.xml:4: <tls> without <verifyPeer>true</verifyPeer>: exporters need a certificate");
   expect(FILE_OF(TLS(FILES "<allowInsecure>1</allowInsecure>"), OUT(UNIX)), options,
          "startup.xml:3: <allowInsecure> has no effect");
   expect(
       FILE_OF(TLS("<certificateFile>/c</certificateFile><privateKeyFile>/k</privateKeyFile><caDir>/d</caDir>"
                   "<verifyPeer>1</verifyPeer>") "<input><plugin>tcp</plugin><params><localPort>1</"
                                                 "localPort></params></input>",
               OUT(UNIX)),
       "--tls-certificate /c --tls-key /k --tls-ca /d --tls 4739 -t 1 -f SRC_IP,?DST_IP -i "
       "u:flows:max_clients=64:timeout=HALF_WAIT:buffer=on:autoflush=500000",
       "");
   expect(FILE_OF(TLS(FILES "<verifyPeer>1</verifyPeer>") TLS(FILES "<verifyPeer>1</verifyPeer>"), OUT(UNIX)),
          "--tls-certificate /c --tls-key /c --tls-ca /a --tls 4739 --tls 4739 -f SRC_IP,?DST_IP -i "
          "u:flows:max_clients=64:timeout=HALF_WAIT:buffer=on:autoflush=500000",
          "");
}

static void faults_are_named_with_line_value_and_what_was_expected(void **state)
{
   (void) state;
   expect_error("", "startup.xml:1: no well-formed XML");
   expect_error("<ipfixcol2>\n<inputPlugins>\n</ipfixcol2>", "startup.xml:3: no well-formed XML");
   expect_error("<ipfixcol/>", "the root is <ipfixcol>, expected <ipfixcol2>");
   expect_error("<ipfixcol2/>", "no output unirec");
   expect_error(FILE_OF("", OUT(UNIX)), "no input in <inputPlugins>");
   expect_error(
       FILE_OF("<input><plugin>udp</plugin><params><localPort>70000</localPort></params></input>", OUT(UNIX)),
       "startup.xml:3: <localPort> is \"70000\", expected a number from 1 to 65535");
   expect_error(
       FILE_OF("<input><plugin>udp</plugin><params><localIPAddress>host</localIPAddress></params></input>",
               OUT(UNIX)),
       "<localIPAddress> is \"host\", expected an address");
   expect_error(FILE_OF("<input><plugin>udp</plugin><params><port>1</port></params></input>", OUT(UNIX)),
                "unknown element <port> in <params>");
   expect_error(FILE_OF("<input><plugin>tcp</plugin><params><tls/></params></input>", OUT(UNIX)),
                "startup.xml:3: <tls> without <certificateFile>");
   expect_error(FILE_OF(TLS("<certificateFile>/c</certificateFile>"), OUT(UNIX)),
                "startup.xml:3: <tls> without <caFile> or <caDir>");
   expect_error(FILE_OF(TLS("<caStore>s</caStore>"), OUT(UNIX)), "<caStore> cannot be used here");
   expect_error(FILE_OF(TLS("<caFile>/a</caFile><caDir>/b</caDir>"), OUT(UNIX)),
                "<caFile> and <caDir> together, expected one");
   expect_error(FILE_OF(TLS("<verifyPeer>yes</verifyPeer>"), OUT(UNIX)),
                "<verifyPeer> is \"yes\", expected true or false");
   expect_error(FILE_OF(TLS("<x/>"), OUT(UNIX)), "unknown element <x> in <tls>");
   expect_error(
       FILE_OF(TLS(FILES) "\n" TLS("<certificateFile>/c</certificateFile><caFile>/b</caFile>"), OUT(UNIX)),
       "startup.xml:4: <tls> has other files than that of an input before");
   expect_error(FILE_OF("<input><plugin>udp</plugin><params><tls/></params></input>", OUT(UNIX)),
                "unknown element <tls> in <params>");
   expect_error(FILE_OF("<input><plugin>fds</plugin></input>", OUT(UNIX)),
                "input \"fds\" cannot be read here");
   expect_error(FILE_OF("<input/>", OUT(UNIX)), "input without <plugin>");
   expect_error(FILE_OF("<input><plugin>ipfix</plugin><params><path>/a/*</path></params></input>", OUT(UNIX)),
                "<path> is \"/a/*\"");
   expect_error(FILE_OF(UDP, OUT("")), "no interface in <trapIfcSpec>");
   expect_error(FILE_OF(UDP, OUT(UNIX UNIX)), "more than one interface");
   expect_error(FILE_OF(UDP, OUT("<udp/>")), "interface \"udp\", expected unix, tcp, tcp-tls or file");
   expect_error(FILE_OF(UDP, OUT("<unix/>")), "interface unix without <name>");
   expect_error(FILE_OF(UDP, OUT("<tcp/>")), "interface tcp without <port>");
   expect_error(FILE_OF(UDP, OUT("<tcp><name>x</name></tcp>")), "unknown element <name> in <tcp>");
   expect_error(FILE_OF(UDP, OUT("<unix><name>a:b</name></unix>")),
                "\"a:b\", expected a name without colon and comma");
   expect_error(FILE_OF(UDP, OUT("<unix><name>a,f:/etc/x</name></unix>")), "expected a name without colon");
   expect_error(FILE_OF(UDP, OUT("<file><name>a</name><mode>x</mode></file>")),
                "<mode> is \"x\", expected write or append");
   expect_error(FILE_OF(UDP, OUT("<tcp-tls><port>1</port><keyFile>k</keyFile></tcp-tls>")),
                "without <certFile>");
}

/* Neither entities nor document types are read: no file, no address of the network, no expansion without end. */
static void entities_are_refused(void **state)
{
   (void) state;
   expect_error("<!DOCTYPE ipfixcol2 [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>\n" FILE_OF(
                    UDP, OUT("<unix><name>&e;</name></unix>")),
                "document type");
   expect_error(FILE_OF(UDP, OUT("<unix><name>&e;</name></unix>")), "no well-formed XML");
   char *errors;
   assert_null(fc_startup_load("/nowhere/startup.xml", &errors));
   assert_non_null(strstr(errors, "start-up file \"/nowhere/startup.xml\": cannot read it: No such file"));
   free(errors);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(inputs_and_interfaces_become_options),
       cmocka_unit_test(common_parameters_and_several_outputs_are_read),
       cmocka_unit_test(what_has_no_effect_is_named_with_its_line),
       cmocka_unit_test(inputs_with_tls_become_options),
       cmocka_unit_test(faults_are_named_with_line_value_and_what_was_expected),
       cmocka_unit_test(entities_are_refused),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
