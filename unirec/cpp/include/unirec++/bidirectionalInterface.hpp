// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/bidirectionalInterface.hpp
 * An interface that receives and sends records of one format. Made by Unirec, which must outlive it. It can be moved, not
 * copied: it owns its template. An interface is for one thread.
 */
#ifndef UNIRECPP_BIDIRECTIONAL_INTERFACE_HPP
#define UNIRECPP_BIDIRECTIONAL_INTERFACE_HPP

#include "interfaceParts.hpp"

namespace Nemea {

/** An input and an output of the same format. */
class UnirecBidirectionalInterface {
public:
   UnirecBidirectionalInterface(int input, int output);
   UnirecBidirectionalInterface(UnirecBidirectionalInterface &&) = default;

   /** As UnirecInputInterface::receive(). */
   std::optional<UnirecRecordView> receive();
   /** As UnirecOutputInterface::send(). */
   bool send(UnirecRecord &record);
   bool send(UnirecRecordView &record);
   /** Sends what is buffered. */
   void sendFlush();
   /** Adopts the sender's format for both directions. */
   void changeTemplate();
   /** As UnirecInputInterface::setRequieredFormat(). */
   void setRequieredFormat(const std::string &templateSpecification);
   /** Microseconds, or TRAP_WAIT, TRAP_NO_WAIT. */
   void setReceiveTimeout(int timeout);
   /** Microseconds, or TRAP_WAIT, TRAP_HALFWAIT, TRAP_NO_WAIT. */
   void setSendTimeout(int timeout);
   /** Microseconds. */
   void setSendAutoflushTimeout(int timeout);
   /** Destroying the interface then does not send an end of stream. */
   void doNotsendEoFOnExit();
   ur_template_t *getTemplate() const noexcept;
   InputInteraceStats getInputInterfaceStats() const;
   UnirecRecord &getUnirecRecord();
   UnirecRecord createUnirecRecord(std::size_t maxVariableFieldsSize = UR_MAX_SIZE);

private:
   detail::Template template_;
   detail::Input input_;
   detail::Output output_;
};

} // namespace Nemea

#endif
