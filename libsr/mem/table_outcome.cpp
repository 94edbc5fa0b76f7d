// SPDX-License-Identifier: LGPL-2.1-or-later
// The sentences about page tables that could not be translated.
#include "libsr/mem/table_outcome.hpp"

#include <cinttypes>

namespace sr {
namespace {

/// What is wrong, as the end of a sentence about an entry's frame, or about the table for
/// not_a_table.
const char* reason(TableFault fault)
{
    switch (fault) {
    case TableFault::none:
        return "translated";
    case TableFault::not_a_table:
        return "is no page table of this guest";
    case TableFault::superpage:
        return "as a superpage, which cannot be moved";
    case TableFault::no_m2p_entry:
        return to_string(NoPfn::no_m2p_entry);
    case TableFault::past_p2m:
        return to_string(NoPfn::past_p2m);
    case TableFault::p2m_disagrees:
        return to_string(NoPfn::p2m_disagrees);
    case TableFault::past_highest:
        return "is past the domain's highest pfn";
    case TableFault::no_frame:
        return "has no frame";
    }
    return "cannot be translated";
}

/// What can be done about an entry that keeps a guest from being saved, as the end of the sentence.
const char* advice(TableFault fault)
{
    switch (fault) {
    case TableFault::superpage:
        return "; shut the guest down and start it without superpages";
    case TableFault::no_m2p_entry:
        return "; if it is a device's memory or Xen's, detach the devices passed through to the "
               "guest";
    case TableFault::p2m_disagrees:
        return "; if it is another domain's, mapped by grant, detach the devices that the guest "
               "serves "
               "to others";
    case TableFault::none:
    case TableFault::not_a_table:
    case TableFault::past_p2m:
    case TableFault::past_highest:
    case TableFault::no_frame:
        return "";
    }
    return "";
}

}  // namespace

Error to_error(const TableOutcome& outcome, Pfn table, PageType type)
{
    const Errc code = outcome.from_stream ? Errc::malformed : Errc::guest;
    if (outcome.fault == TableFault::none || outcome.fault == TableFault::not_a_table) {
        return Error{code, "%s pfn %#" PRIx64 " %s", to_string(type), table.number(),
                     reason(outcome.fault)}
            .with_pfn(table.number());
    }
    return Error{code,
                 "%s pfn %#" PRIx64 ": slot %u (%#" PRIx64 ") holds %s %#" PRIx64 ", %s%s%s",
                 to_string(type),
                 table.number(),
                 outcome.slot,
                 outcome.entry,
                 outcome.from_stream ? "pfn" : "mfn",
                 outcome.frame,
                 outcome.fault == TableFault::superpage ? "" : "which ",
                 reason(outcome.fault),
                 outcome.from_stream ? "" : advice(outcome.fault)}
        .with_pfn(table.number());
}

std::string describe(const TableOutcome& outcome, Pfn table, PageType type)
{
    return to_error(outcome, table, type).what();
}

}  // namespace sr
