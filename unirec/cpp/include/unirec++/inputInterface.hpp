// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/inputInterface.hpp
 * An interface that receives records. Made by Unirec, which must outlive it. It can be moved, not copied: it owns its
 * template. An interface is for one thread.
 */
#ifndef UNIRECPP_INPUT_INTERFACE_HPP
#define UNIRECPP_INPUT_INTERFACE_HPP

#include "interfaceParts.hpp"

namespace Nemea {

class UnirecInputInterface {
public:
   explicit UnirecInputInterface(int ifc);
   UnirecInputInterface(UnirecInputInterface &&) = default;

   /** The next record, valid until the next call; empty after a timeout. Throws EoFException at the end of the
    * stream, FormatChangeException when a new format begins, std::runtime_error when the module has to stop. */
   std::optional<UnirecRecordView> receive();
   /** Adopts the sender's format, with all its fields. */
   void changeTemplate();
   /** Fields that a sender must have: "ipaddr SRC_IP,uint64 BYTES". */
   void setRequieredFormat(const std::string &templateSpecification);
   /** Microseconds, or TRAP_WAIT, TRAP_NO_WAIT. */
   void setTimeout(int timeout);
   ur_template_t *getTemplate() const noexcept;
   InputInteraceStats getInputInterfaceStats() const;

private:
   detail::Template template_;
   detail::Input input_;
};

} // namespace Nemea

#endif
