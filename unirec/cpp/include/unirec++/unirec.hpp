// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/unirec.hpp
 * UniRec and TRAP for modules in C++17. All is in headers; link with `pkg-config --libs unirec++`.
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
 * Errors are exceptions; one that is not named is std::runtime_error with a message that names the thing. The registry of
 * fields and the TRAP context belong to the process: one Unirec at a time, destroyed after its interfaces.
 */
#ifndef UNIRECPP_UNIREC_HPP
#define UNIRECPP_UNIREC_HPP

#include "interfaces.hpp"

namespace Nemea {

/** What a module is, for its help and its interfaces. Copies have strings of their own. */
class TrapModuleInfo {
public:
   TrapModuleInfo(int inputInterfaces, int outputInterfaces, std::string name = "", std::string description = "")
       : name_(std::move(name)), description_(std::move(description)), inputs_(inputInterfaces), outputs_(outputInterfaces)
   {
   }

   /** For libtrap; points into this object. */
   trap_module_info_t get() const
   {
      trap_module_info_t info = {};
      info.name = const_cast<char *>(name_.c_str());
      info.description = const_cast<char *>(description_.c_str());
      info.num_ifc_in = inputs_;
      info.num_ifc_out = outputs_;
      return info;
   }

private:
   std::string name_, description_;
   int inputs_, outputs_;
};

class Unirec {
public:
   explicit Unirec(const TrapModuleInfo &moduleInfo) : info_(moduleInfo) {}
   Unirec(const Unirec &) = delete;
   Unirec &operator=(const Unirec &) = delete;
   ~Unirec()
   {
      if (initialized_) {
         trap_finalize();
      }
      ur_finalize();
   }

   /** Takes the options of TRAP out of argv and starts the interfaces. Throws HelpException after printing the help. */
   void init(int &argc, char **argv)
   {
      static trap_module_info_parameter_t *noOptions[] = {nullptr};
      trap_module_info_t info = info_.get();
      info.params = noOptions;
      trap_ifc_spec_t spec = {};
      int rc = trap_parse_params(&argc, argv, &spec);
      if (rc == TRAP_E_HELP) {
         trap_free_ifc_spec(spec);
         trap_print_help(&info);
         throw HelpException();
      }
      if (rc == TRAP_E_OK) {
         rc = trap_init(&info, spec);
      }
      std::string message = rc != TRAP_E_OK && trap_last_error_msg != nullptr ? trap_last_error_msg : "";
      trap_free_ifc_spec(spec);
      if (rc != TRAP_E_OK) {
         throw std::runtime_error("Unirec::init: " + message);
      }
      initialized_ = true;
      inputs_ = info.num_ifc_in;
      outputs_ = info.num_ifc_out;
   }

   /** \return the field's id. Throws when the name is bad or the field has another type. */
   ur_field_id_t defineUnirecField(const std::string &name, ur_field_type_t type)
   {
      int id = ur_define_field(name.c_str(), type);
      if (id < 0) {
         throw std::runtime_error("Unirec: field '" + name + "' cannot be defined (" + std::to_string(id) +
                                  "): bad name or type, or it has another type");
      }
      return static_cast<ur_field_id_t>(id);
   }

   /** Is there an input, an output, a pair of both that was not built yet? */
   bool isInputInterfaceAvailable() const noexcept { return inputs_ > 0; }
   /** As isInputInterfaceAvailable(). */
   bool isOutputInterfaceAvailable() const noexcept { return outputs_ > 0; }
   /** As isInputInterfaceAvailable(). */
   bool isBidirectionalInterfaceAvailable() const noexcept { return inputs_ > 0 && outputs_ > 0; }

   /** Interfaces are handed out from the highest number down. Throws when none is left. */
   UnirecInputInterface buildInputInterface() { return UnirecInputInterface(take(inputs_, "input")); }
   UnirecOutputInterface buildOutputInterface() { return UnirecOutputInterface(take(outputs_, "output")); }
   UnirecBidirectionalInterface buildBidirectionalInterface()
   {
      if (!isBidirectionalInterfaceAvailable()) {
         throw std::runtime_error("Unirec: no input and output interface is left");
      }
      int input = take(inputs_, "input"), output = take(outputs_, "output");
      return UnirecBidirectionalInterface(input, output);
   }

private:
   static int take(int &left, const char *what)
   {
      if (left <= 0) {
         throw std::runtime_error(std::string("Unirec: no ") + what + " interface is left");
      }
      return --left;
   }

   TrapModuleInfo info_;
   int inputs_ = 0, outputs_ = 0; /* not handed out yet */
   bool initialized_ = false;
};

} // namespace Nemea

#endif
