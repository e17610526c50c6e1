// SPDX-License-Identifier: BSD-3-Clause
#include <unirec++/unirec.hpp>

#include <stdexcept>

namespace Nemea {

Unirec::Unirec(const TrapModuleInfo &moduleInfo) : info_(moduleInfo)
{
}

Unirec::~Unirec()
{
   if (initialized_) {
      trap_finalize();
   }
   ur_finalize();
}

void Unirec::init(int &argc, char **argv)
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

ur_field_id_t Unirec::defineUnirecField(const std::string &name, ur_field_type_t type)
{
   int id = ur_define_field(name.c_str(), type);
   if (id < 0) {
      throw std::runtime_error("Unirec: field '" + name + "' cannot be defined (" + std::to_string(id) +
                               "): bad name or type, or it has another type");
   }
   return static_cast<ur_field_id_t>(id);
}

bool Unirec::isInputInterfaceAvailable() const noexcept
{
   return inputs_ > 0;
}

bool Unirec::isOutputInterfaceAvailable() const noexcept
{
   return outputs_ > 0;
}

bool Unirec::isBidirectionalInterfaceAvailable() const noexcept
{
   return inputs_ > 0 && outputs_ > 0;
}

UnirecInputInterface Unirec::buildInputInterface()
{
   return UnirecInputInterface(take(inputs_, "input"));
}

UnirecOutputInterface Unirec::buildOutputInterface()
{
   return UnirecOutputInterface(take(outputs_, "output"));
}

UnirecBidirectionalInterface Unirec::buildBidirectionalInterface()
{
   if (!isBidirectionalInterfaceAvailable()) {
      throw std::runtime_error("Unirec: no input and output interface is left");
   }
   int input = take(inputs_, "input"), output = take(outputs_, "output");
   return UnirecBidirectionalInterface(input, output);
}

int Unirec::take(int &left, const char *what)
{
   if (left <= 0) {
      throw std::runtime_error(std::string("Unirec: no ") + what + " interface is left");
   }
   return --left;
}

} // namespace Nemea
