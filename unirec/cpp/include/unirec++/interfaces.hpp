// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/interfaces.hpp
 * Interfaces that receive and send records. Made by Unirec, which must outlive them. They can be moved, not copied: each
 * owns its template. An interface is for one thread.
 */
#ifndef UNIRECPP_INTERFACES_HPP
#define UNIRECPP_INTERFACES_HPP

#include "record.hpp"

#include <optional>
#include <utility>

namespace Nemea {

/** Counters of an input since it was made. */
struct InputInteraceStats {
   uint64_t receivedBytes;
   uint64_t receivedRecords;
   uint64_t missedRecords;
};

namespace detail {

/* A template that is freed. */
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
         throw std::runtime_error("Unirec: '" + spec + "' is no template, or contradicts fields that are defined");
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
         if (ur_rec_check(tmplt, data_, size_)) { /* what does not fit its template is skipped */
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
   bool kept_ = false; /* the first record of a new format, given again by the next receive() */
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
   /* The format of the output is now that of the template. */
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

class UnirecInputInterface {
public:
   explicit UnirecInputInterface(int ifc) : input_(ifc) {}
   UnirecInputInterface(UnirecInputInterface &&) = default;

   /** The next record, valid until the next call; nothing after the timeout. Throws EoFException at the end of the
    * stream, FormatChangeException when a new format begins, std::runtime_error when the module is to stop. */
   std::optional<UnirecRecordView> receive() { return input_.receive(template_.tmplt); }
   /** Takes over the sender's format, with all of its fields. */
   void changeTemplate() { input_.followFormat(template_); }
   /** Fields that a sender must have: "ipaddr SRC_IP,uint64 BYTES". */
   void setRequieredFormat(const std::string &templateSpecification)
   {
      template_.define(templateSpecification);
      ur_set_input_template(input_.number(), template_.tmplt);
   }
   /** Microseconds, or TRAP_WAIT, TRAP_NO_WAIT. */
   void setTimeout(int timeout) { detail::control(TRAPIFC_INPUT, input_.number(), TRAPCTL_SETTIMEOUT, timeout); }
   ur_template_t *getTemplate() const noexcept { return template_.tmplt; }
   InputInteraceStats getInputInterfaceStats() const { return input_.stats(); }

private:
   detail::Template template_;
   detail::Input input_;
};

class UnirecOutputInterface {
public:
   explicit UnirecOutputInterface(int ifc) : output_(ifc) {}
   UnirecOutputInterface(UnirecOutputInterface &&) = default;

   /** \return false after the timeout. Throws std::runtime_error when the module is to stop. */
   bool send(UnirecRecord &record) { return output_.send(record.data(), record.size()); }
   bool send(UnirecRecordView &record) { return output_.send(record.data(), record.size()); }
   /** Sends what is buffered. */
   void sendFlush() { output_.flush(); }
   /** Microseconds, or TRAP_WAIT, TRAP_HALFWAIT, TRAP_NO_WAIT. */
   void setTimeout(int timeout) { detail::control(TRAPIFC_OUTPUT, output_.number(), TRAPCTL_SETTIMEOUT, timeout); }
   /** Microseconds. */
   void setAutoflushTimeout(int timeout)
   {
      detail::control(TRAPIFC_OUTPUT, output_.number(), TRAPCTL_AUTOFLUSH_TIMEOUT, timeout);
   }
   /** The format from now on: "ipaddr SRC_IP,uint64 BYTES". Records of the old one are dead. */
   void changeTemplate(const std::string &templateSpecification = "")
   {
      template_.define(templateSpecification);
      ur_set_output_template(output_.number(), template_.tmplt);
      output_.start(template_.tmplt);
   }
   /** Destroying the interface then does not tell receivers that the stream has ended. */
   void doNotsendEoFOnExit() { output_.noEnd(); }
   ur_template_t *getTemplate() const noexcept { return template_.tmplt; }
   /** The interface's own record. */
   UnirecRecord &getUnirecRecord() { return output_.record(); }
   UnirecRecord createUnirecRecord(std::size_t maxVariableFieldsSize = UR_MAX_SIZE)
   {
      return UnirecRecord(template_.tmplt, maxVariableFieldsSize);
   }

private:
   detail::Template template_; /* outlives the output's record */
   detail::Output output_;
};

/** An input and an output of the same format. */
class UnirecBidirectionalInterface {
public:
   UnirecBidirectionalInterface(int input, int output) : input_(input), output_(output) {}
   UnirecBidirectionalInterface(UnirecBidirectionalInterface &&) = default;

   /** As UnirecInputInterface::receive(). */
   std::optional<UnirecRecordView> receive() { return input_.receive(template_.tmplt); }
   /** As UnirecOutputInterface::send(). */
   bool send(UnirecRecord &record) { return output_.send(record.data(), record.size()); }
   bool send(UnirecRecordView &record) { return output_.send(record.data(), record.size()); }
   /** Sends what is buffered. */
   void sendFlush() { output_.flush(); }
   /** Takes over the format of the input, on both sides. */
   void changeTemplate()
   {
      input_.followFormat(template_);
      ur_set_output_template(output_.number(), template_.tmplt);
      output_.start(template_.tmplt);
   }
   /** As UnirecInputInterface::setRequieredFormat(). */
   void setRequieredFormat(const std::string &templateSpecification)
   {
      template_.define(templateSpecification);
      ur_set_input_template(input_.number(), template_.tmplt);
   }
   /** Microseconds, or TRAP_WAIT, TRAP_NO_WAIT. */
   void setReceiveTimeout(int timeout) { detail::control(TRAPIFC_INPUT, input_.number(), TRAPCTL_SETTIMEOUT, timeout); }
   /** Microseconds, or TRAP_WAIT, TRAP_HALFWAIT, TRAP_NO_WAIT. */
   void setSendTimeout(int timeout) { detail::control(TRAPIFC_OUTPUT, output_.number(), TRAPCTL_SETTIMEOUT, timeout); }
   /** Microseconds. */
   void setSendAutoflushTimeout(int timeout)
   {
      detail::control(TRAPIFC_OUTPUT, output_.number(), TRAPCTL_AUTOFLUSH_TIMEOUT, timeout);
   }
   /** Destroying the interface then does not tell receivers that the stream has ended. */
   void doNotsendEoFOnExit() { output_.noEnd(); }
   ur_template_t *getTemplate() const noexcept { return template_.tmplt; }
   InputInteraceStats getInputInterfaceStats() const { return input_.stats(); }
   UnirecRecord &getUnirecRecord() { return output_.record(); }
   UnirecRecord createUnirecRecord(std::size_t maxVariableFieldsSize = UR_MAX_SIZE)
   {
      return UnirecRecord(template_.tmplt, maxVariableFieldsSize);
   }

private:
   detail::Template template_;
   detail::Input input_;
   detail::Output output_;
};

} // namespace Nemea

#endif
