// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/interfaceParts.hpp
 * Internals of the interfaces; not for modules.
 */
#ifndef UNIRECPP_INTERFACE_PARTS_HPP
#define UNIRECPP_INTERFACE_PARTS_HPP

#include "interfaceStats.hpp"
#include "unirecException.hpp"
#include "unirecRecord.hpp"

#include <optional>
#include <utility>

#include <libtrap/trap.h>

namespace Nemea {

namespace detail {

/* Owns a template. */
class Template {
public:
   Template() = default;
   Template(Template &&other) noexcept : tmplt(std::exchange(other.tmplt, nullptr)) {}
   Template &operator=(Template &&other) noexcept
   {
      std::swap(tmplt, other.tmplt);
      return *this;
   }
   ~Template() { ur_free_template(tmplt); }

   /* Defines the fields of a typed specifier and makes their template. */
   void define(const std::string &spec)
   {
      ur_template_t *fresh = ur_define_fields_and_update_template(spec.c_str(), tmplt);
      if (fresh == nullptr) {
         throw std::runtime_error("Unirec: '" + spec + "' is not a template, or contradicts fields that are defined");
      }
      tmplt = fresh;
   }

   ur_template_t *tmplt = nullptr;
};

[[noreturn]] inline void fail(const char *what, int ifc, int code)
{
   if (code == TRAP_E_TERMINATED) {
      throw std::runtime_error(std::string(what) + ": the module was told to stop");
   }
   throw std::runtime_error(std::string(what) + ": interface " + std::to_string(ifc) + ": " +
                            (trap_last_error_msg != nullptr ? trap_last_error_msg : "error") + " (" + std::to_string(code) + ")");
}

inline void control(int8_t direction, int ifc, int request, int timeout)
{
   int rc = request == TRAPCTL_AUTOFLUSH_TIMEOUT
                ? trap_ifcctl(direction, static_cast<uint32_t>(ifc), request, static_cast<int64_t>(timeout))
                : trap_ifcctl(direction, static_cast<uint32_t>(ifc), request, timeout);
   if (rc != TRAP_E_OK) {
      fail("setting a timeout", ifc, rc);
   }
}

/* The receiving half of an interface. */
class Input {
public:
   explicit Input(int ifc) : ifc_(ifc) {}

   std::optional<UnirecRecordView> receive(ur_template_t *tmplt)
   {
      for (;;) {
         if (!kept_) {
            int rc = trap_recv_with_seq_number(static_cast<uint32_t>(ifc_), &data_, &size_, &seq_);
            if (rc == TRAP_E_TIMEOUT) {
               return std::nullopt;
            }
            if (rc == TRAP_E_FORMAT_CHANGED) {
               kept_ = true;
               throw FormatChangeException();
            }
            if (rc != TRAP_E_OK) {
               fail("receive", ifc_, rc);
            }
         }
         kept_ = false;
         if (size_ <= 1) {
            throw EoFException();
         }
         if (tmplt == nullptr) {
            throw std::runtime_error("receive: interface " + std::to_string(ifc_) + " has no template; call changeTemplate()");
         }
         if (ur_rec_check(tmplt, data_, size_)) { /* invalid records are skipped */
            return UnirecRecordView(data_, tmplt, seq_);
         }
      }
   }

   void followFormat(Template &own)
   {
      if (ur_ctx_follow_format(static_cast<trap_ctx_t *>(trap_get_global_ctx()), static_cast<uint32_t>(ifc_), &own.tmplt) != UR_OK) {
         throw std::runtime_error("changeTemplate: the format of input " + std::to_string(ifc_) + " is not known, or contradicts fields of this module");
      }
   }

   InputInteraceStats stats() const
   {
      struct input_ifc_stats s = {};
      trap_get_input_ifc_stats(static_cast<uint32_t>(ifc_), &s);
      return {s.received_bytes, s.received_records, s.missed_records};
   }

   int number() const { return ifc_; }

private:
   int ifc_;
   bool kept_ = false; /* data_ is the first record of a new format; the next receive() returns it */
   const void *data_ = nullptr;
   uint16_t size_ = 0;
   uint64_t seq_ = 0;
};

/* The sending half of an interface. */
class Output {
public:
   explicit Output(int ifc) : ifc_(ifc) {}
   Output(Output &&other) noexcept
       : ifc_(other.ifc_), endOnExit_(std::exchange(other.endOnExit_, false)), started_(other.started_),
         record_(std::move(other.record_))
   {
   }
   Output &operator=(Output &&) = delete;
   ~Output()
   {
      if (endOnExit_ && started_) {
         char end = 0;
         trap_send(static_cast<uint32_t>(ifc_), &end, 1);
         trap_send_flush(static_cast<uint32_t>(ifc_));
      }
   }

   bool send(const void *data, std::size_t size)
   {
      int rc = trap_send(static_cast<uint32_t>(ifc_), data, static_cast<uint16_t>(size));
      if (rc != TRAP_E_OK && rc != TRAP_E_TIMEOUT) {
         fail("send", ifc_, rc);
      }
      return rc == TRAP_E_OK;
   }
   void flush() { trap_send_flush(static_cast<uint32_t>(ifc_)); }
   void noEnd() { endOnExit_ = false; }
   /* Sets the format of the output to that of the template. */
   void start(ur_template_t *tmplt)
   {
      started_ = true;
      record_ = UnirecRecord(tmplt);
   }
   UnirecRecord &record() { return record_; }
   int number() const { return ifc_; }

private:
   int ifc_;
   bool endOnExit_ = true, started_ = false;
   UnirecRecord record_;
};

} // namespace detail

} // namespace Nemea

#endif
