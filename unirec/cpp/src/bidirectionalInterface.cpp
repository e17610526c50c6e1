// SPDX-License-Identifier: BSD-3-Clause
#include <unirec++/bidirectionalInterface.hpp>

namespace Nemea {

UnirecBidirectionalInterface::UnirecBidirectionalInterface(int input, int output) : input_(input), output_(output)
{
}

std::optional<UnirecRecordView> UnirecBidirectionalInterface::receive()
{
   return input_.receive(template_.tmplt);
}

bool UnirecBidirectionalInterface::send(UnirecRecord &record)
{
   return output_.send(record.data(), record.size());
}

bool UnirecBidirectionalInterface::send(UnirecRecordView &record)
{
   return output_.send(record.data(), record.size());
}

void UnirecBidirectionalInterface::sendFlush()
{
   output_.flush();
}

void UnirecBidirectionalInterface::changeTemplate()
{
   input_.followFormat(template_);
   ur_set_output_template(output_.number(), template_.tmplt);
   output_.start(template_.tmplt);
}

void UnirecBidirectionalInterface::setRequieredFormat(const std::string &templateSpecification)
{
   template_.define(templateSpecification);
   ur_set_input_template(input_.number(), template_.tmplt);
}

void UnirecBidirectionalInterface::setReceiveTimeout(int timeout)
{
   detail::control(TRAPIFC_INPUT, input_.number(), TRAPCTL_SETTIMEOUT, timeout);
}

void UnirecBidirectionalInterface::setSendTimeout(int timeout)
{
   detail::control(TRAPIFC_OUTPUT, output_.number(), TRAPCTL_SETTIMEOUT, timeout);
}

void UnirecBidirectionalInterface::setSendAutoflushTimeout(int timeout)
{
   detail::control(TRAPIFC_OUTPUT, output_.number(), TRAPCTL_AUTOFLUSH_TIMEOUT, timeout);
}

void UnirecBidirectionalInterface::doNotsendEoFOnExit()
{
   output_.noEnd();
}

ur_template_t *UnirecBidirectionalInterface::getTemplate() const noexcept
{
   return template_.tmplt;
}

InputInteraceStats UnirecBidirectionalInterface::getInputInterfaceStats() const
{
   return input_.stats();
}

UnirecRecord &UnirecBidirectionalInterface::getUnirecRecord()
{
   return output_.record();
}

UnirecRecord UnirecBidirectionalInterface::createUnirecRecord(std::size_t maxVariableFieldsSize)
{
   return UnirecRecord(template_.tmplt, maxVariableFieldsSize);
}

} // namespace Nemea
