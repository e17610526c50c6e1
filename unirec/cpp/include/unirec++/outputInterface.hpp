// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/outputInterface.hpp
 * An interface that sends records. Made by Unirec, which must outlive it. It can be moved, not copied: it owns its
 * template. An interface is for one thread.
 */
#ifndef UNIRECPP_OUTPUT_INTERFACE_HPP
#define UNIRECPP_OUTPUT_INTERFACE_HPP

#include "interfaceParts.hpp"

namespace Nemea {

class UnirecOutputInterface {
public:
   explicit UnirecOutputInterface(int ifc);
   UnirecOutputInterface(UnirecOutputInterface &&) = default;

   /** \return false after a timeout. Throws std::runtime_error when the module has to stop. */
   bool send(UnirecRecord &record);
   bool send(UnirecRecordView &record);
   /** Sends what is buffered. */
   void sendFlush();
   /** Microseconds, or TRAP_WAIT, TRAP_HALFWAIT, TRAP_NO_WAIT. */
   void setTimeout(int timeout);
   /** Microseconds. */
   void setAutoflushTimeout(int timeout);
   /** Sets the format: "ipaddr SRC_IP,uint64 BYTES". Records of the previous format become invalid. */
   void changeTemplate(const std::string &templateSpecification = "");
   /** Destroying the interface then does not send an end of stream. */
   void doNotsendEoFOnExit();
   ur_template_t *getTemplate() const noexcept;
   /** The interface's own record. */
   UnirecRecord &getUnirecRecord();
   UnirecRecord createUnirecRecord(std::size_t maxVariableFieldsSize = UR_MAX_SIZE);

private:
   detail::Template template_; /* outlives the output's record */
   detail::Output output_;
};

} // namespace Nemea

#endif
