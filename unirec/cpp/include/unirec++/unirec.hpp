// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/unirec.hpp
 * UniRec and TRAP for modules in C++17. Link with `pkg-config --libs unirec++`.
 *
 *     Nemea::Unirec unirec({1, 1, "name", "what it does"});
 *     unirec.init(argc, argv);                        // takes -i and the other common options out of argv
 *     auto input = unirec.buildInputInterface();
 *     input.setRequieredFormat("ipaddr SRC_IP");
 *     for (;;) {
 *        try {
 *           if (auto record = input.receive()) { ... record->getFieldAsType<Nemea::IpAddress>(id) ... }
 *        } catch (const Nemea::FormatChangeException &) {
 *           input.changeTemplate();
 *        } catch (const Nemea::EoFException &) {
 *           break;
 *        }
 *     }
 *
 * Errors are exceptions: std::runtime_error with a descriptive message unless stated otherwise. The field registry and the
 * TRAP context are global: one Unirec at a time, destroyed after its interfaces.
 */
#ifndef UNIRECPP_UNIREC_HPP
#define UNIRECPP_UNIREC_HPP

#include "bidirectionalInterface.hpp"
#include "inputInterface.hpp"
#include "interfaceStats.hpp"
#include "outputInterface.hpp"
#include "trapModuleInfo.hpp"
#include "unirecException.hpp"
#include "unirecRecord.hpp"
#include "unirecRecordView.hpp"
#include "unirecTypes.hpp"

#include <string>

namespace Nemea {

class Unirec {
public:
   explicit Unirec(const TrapModuleInfo &moduleInfo);
   Unirec(const Unirec &) = delete;
   Unirec &operator=(const Unirec &) = delete;
   ~Unirec();

   /** Takes the options of TRAP out of argv and starts the interfaces. Throws HelpException after printing the help. */
   void init(int &argc, char **argv);

   /** \return the field's id. Throws for an invalid name and for a field that exists with another type. */
   ur_field_id_t defineUnirecField(const std::string &name, ur_field_type_t type);

   /** \return true while an input is left to build */
   bool isInputInterfaceAvailable() const noexcept;
   /** As isInputInterfaceAvailable(). */
   bool isOutputInterfaceAvailable() const noexcept;
   /** As isInputInterfaceAvailable(). */
   bool isBidirectionalInterfaceAvailable() const noexcept;

   /** Builds interfaces from the highest number down. Throws when none is left. */
   UnirecInputInterface buildInputInterface();
   UnirecOutputInterface buildOutputInterface();
   UnirecBidirectionalInterface buildBidirectionalInterface();

private:
   static int take(int &left, const char *what);

   TrapModuleInfo info_;
   int inputs_ = 0, outputs_ = 0; /* not built yet */
   bool initialized_ = false;
};

} // namespace Nemea

#endif
