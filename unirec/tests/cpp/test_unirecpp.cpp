// SPDX-License-Identifier: BSD-3-Clause
// unirec++: values, records with their bounds, and interfaces over a file from one process to the next.
#include <unirec++/unirec.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <numeric>
#include <sstream>

using namespace Nemea;

#define CHECK(what)                                                             \
   do {                                                                         \
      if (!(what)) {                                                            \
         std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
         std::exit(1);                                                          \
      }                                                                         \
   } while (0)

template <typename Exception> static bool throws(const std::function<void()> &what)
{
   try {
      what();
   } catch (const Exception &) {
      return true;
   }
   return false;
}
#define THROWS(exception, ...) CHECK(throws<exception>([&] { __VA_ARGS__; }))

#define SPEC "ipaddr IP,uint64 BYTES,time WHEN,macaddr MAC,double RATIO,uint16 PORT,string NAME,bytes RAW,uint32* LIST,ipaddr* HOSTS"

static ur_field_id_t id(const char *name)
{
   return static_cast<ur_field_id_t>(ur_get_id_by_name(name));
}

static void values()
{
   CHECK(IpAddress().isIpv4() && IpAddress("2001:db8::1").isIpv6());
   CHECK((IpAddress("10.1.2.3") & IpAddress("255.255.0.0")) == IpAddress("10.1.0.0"));
   THROWS(std::runtime_error, IpAddress("10.1.2"));
   THROWS(std::runtime_error, MacAddress("01:02"));
   std::ostringstream out;
   out << IpAddress("10.1.2.3") << ' ' << MacAddress("01:02:03:04:05:06");
   CHECK(out.str() == "10.1.2.3 01:02:03:04:05:06");
   CHECK(ur_time_get_sec(UrTime::now().time) > 1600000000);
   CHECK(getExpectedUnirecType<uint32_t *>() == UR_TYPE_A_UINT32 && getExpectedUnirecType<std::byte *>() == UR_TYPE_BYTES);
   CHECK(getExpectedUnirecType<const char *>() == UR_TYPE_STRING && getExpectedUnirecType<UrTime>() == UR_TYPE_TIME);
}

static void fill(UnirecRecord &r)
{
   r.setFieldFromType(IpAddress("192.0.2.7"), id("IP"));
   r.setFieldFromType(uint64_t(42), id("BYTES"));
   r.setFieldFromType(UrTime(ur_time_from_sec_msec(5, 250)), id("WHEN"));
   r.setFieldFromType(MacAddress("01:02:03:04:05:06"), id("MAC"));
   r.setFieldFromType(0.5, id("RATIO"));
   r.setFieldFromType(uint16_t(443), id("PORT"));
   r.setFieldFromType(std::string("a name"), id("NAME"));
   r.setFieldFromVector(std::vector<uint32_t>{1, 2, 3}, id("LIST"));
   r.setFieldFromVector(std::vector<IpAddress>{IpAddress("10.0.0.1"), IpAddress("::1")}, id("HOSTS"));
}

template <typename Record> static void check(const Record &r)
{
   CHECK(r.template getFieldAsType<IpAddress>(id("IP")) == IpAddress("192.0.2.7"));
   CHECK(r.template getFieldAsType<const IpAddress &>(id("IP")).isIpv4());
   CHECK(r.template getFieldAsType<uint64_t>(id("BYTES")) == 42);
   CHECK(r.template getFieldAsType<UrTime>(id("WHEN")).time == ur_time_from_sec_msec(5, 250));
   CHECK(r.template getFieldAsType<MacAddress>(id("MAC")).toString() == "01:02:03:04:05:06");
   CHECK(r.template getFieldAsType<double>(id("RATIO")) == 0.5);
   CHECK(r.template getFieldAsType<std::string>(id("NAME")) == "a name");
   CHECK(r.template getFieldAsType<std::string_view>(id("NAME")) == "a name");
   auto list = r.template getFieldAsUnirecArray<const uint32_t>(id("LIST"));
   CHECK(std::accumulate(list.begin(), list.end(), 0U) == 6);
}

// Each access checks the template, the type and the capacity.
static void records_are_bounds_checked(ur_template_t *t, ur_template_t *narrow)
{
   UnirecRecord r(t);
   fill(r);
   check(r);
   auto list = r.getFieldAsUnirecArray<uint32_t>(id("LIST"));
   CHECK(list.size() == 3 && list[1] == 2U && list.at(2) == 3U && list.end() - list.begin() == 3);
   THROWS(std::out_of_range, list.at(3));
   list[0] = 7;
   CHECK(*r.getFieldAsUnirecArray<uint32_t>(id("LIST")).begin() == 7U);
   list[0] = 1;
   CHECK(r.getFieldAsUnirecArray<IpAddress>(id("HOSTS"))[1].isIpv6());
   uint32_t next = 10;
   for (auto &element : r.reserveUnirecArray<uint32_t>(3, id("LIST"))) {
      element = next++;
   }
   uint32_t *first = &list[0];
   CHECK(*first == 10 && list.get(2) == 12);
   list.set(2, 3);
   list[0] = 1;
   list.at(1) = 2;
   THROWS(std::out_of_range, list.get(3));
   THROWS(std::out_of_range, list.set(3, 0));
   auto more = r.reserveUnirecArray<uint32_t>(5, id("LIST"));
   CHECK(more.size() == 5 && more[4] == 0U);
   r.setFieldFromUnirecArray(list, id("LIST"));
   CHECK(r.getFieldAsUnirecArray<uint32_t>(id("LIST")).size() == 3);
   THROWS(std::runtime_error, r.getFieldAsType<uint32_t>(id("BYTES")));
   THROWS(std::runtime_error, r.getFieldAsUnirecArray<uint64_t>(id("LIST")));
   THROWS(std::runtime_error, r.getFieldAsType<uint64_t>(UR_INVALID_FIELD));
   THROWS(std::runtime_error, r.setFieldFromType(std::string(70000, 'x'), id("NAME")));
   check(r);

   UnirecRecord copy(r), empty, assigned, small(t, 16);
   check(copy);
   UnirecRecord emptyCopy(empty);
   CHECK(emptyCopy.data() == nullptr && emptyCopy.size() == 0);
   THROWS(std::runtime_error, empty.getFieldAsType<uint64_t>(id("BYTES")));
   assigned = r;
   check(assigned);
   THROWS(std::runtime_error, small.copyFieldsFrom(r));
   small.setFieldFromType(std::string("0123456789abcdef"), id("NAME"));
   THROWS(std::runtime_error, small.setFieldFromVector(std::vector<uint32_t>{1}, id("LIST")));
   UnirecRecord short_(narrow, 6);
   short_.copyFieldsFrom(r); // copies only NAME and PORT of the source
   CHECK(short_.getFieldAsType<std::string>(id("NAME")) == "a name" && short_.getFieldAsType<uint16_t>(id("PORT")) == 443);
   short_.copyFieldsFrom(UnirecRecordView(r.data(), t)); // old and new value together would not fit
   THROWS(std::runtime_error, short_.getFieldAsType<uint64_t>(id("BYTES")));
}

static std::string directory;

static void start(Unirec &unirec, const std::string &ifcs)
{
   std::string name = "test", option = "-i", spec = ifcs;
   char *argv[] = {name.data(), option.data(), spec.data(), nullptr};
   int argc = 3;
   unirec.init(argc, argv);
   CHECK(argc == 1);
}

static void send_two_formats()
{
   Unirec unirec(TrapModuleInfo(0, 1, "sender", "Sends."));
   start(unirec, "f:" + directory + "/records:w");
   CHECK(!unirec.isInputInterfaceAvailable() && unirec.isOutputInterfaceAvailable());
   UnirecOutputInterface built = unirec.buildOutputInterface();
   UnirecOutputInterface output(std::move(built));
   THROWS(std::runtime_error, unirec.buildOutputInterface());
   THROWS(std::runtime_error, output.changeTemplate("nothing NAME"));
   output.changeTemplate(SPEC);
   fill(output.getUnirecRecord());
   for (int i = 0; i < 10; i++) {
      CHECK(output.send(output.getUnirecRecord()));
   }
   output.changeTemplate("uint16 PORT");
   UnirecRecord other = output.createUnirecRecord();
   other.setFieldFromType(uint16_t(80), id("PORT"));
   CHECK(output.send(other));
}

static void receive_them()
{
   Unirec unirec(TrapModuleInfo(1, 1, "receiver", "Receives."));
   start(unirec, "f:" + directory + "/*,b:"); // one file per format
   THROWS(std::runtime_error, unirec.defineUnirecField("1", UR_TYPE_UINT8));
   unirec.defineUnirecField("PORT", UR_TYPE_UINT16);
   UnirecBidirectionalInterface both = unirec.buildBidirectionalInterface();
   both.setRequieredFormat("uint16 PORT");
   int records = 0, formats = 0;
   for (bool more = true; more;) {
      try {
         auto record = both.receive();
         CHECK(record.has_value());
         records++;
         if (records <= 10) {
            check(*record);
         } else {
            CHECK(record->getFieldAsType<uint16_t>(id("PORT")) == 80);
            THROWS(std::runtime_error, record->getFieldAsType<uint64_t>(id("BYTES")));
         }
         CHECK(both.send(*record));
      } catch (const FormatChangeException &) {
         formats++;
         both.changeTemplate();
      } catch (const EoFException &) {
         more = false;
      }
   }
   CHECK(records == 11 && formats == 2);
   CHECK(both.getInputInterfaceStats().missedRecords == 0);
}

int main()
{
   char name[] = "/tmp/unirecpp-XXXXXX";
   CHECK(mkdtemp(name) != nullptr);
   directory = name;
   values();
   ur_template_t *t = ur_define_fields_and_update_template(SPEC, nullptr);
   ur_template_t *narrow = ur_define_fields_and_update_template("string NAME,uint16 PORT", nullptr);
   records_are_bounds_checked(t, narrow);
   ur_free_template(t);
   ur_free_template(narrow);
   ur_finalize();
   send_two_formats();
   receive_them();
   std::filesystem::remove_all(directory);
   return 0;
}
