// SPDX-License-Identifier: LGPL-2.1-or-later
// Translation of vCPU contexts.
#include "libsr/mem/vcpu_context.hpp"

#include "libsr/base/error.hpp"

#include <cinttypes>
#include <optional>
#include <string>

namespace sr {
namespace {

/// Bit 0 of cr1 in the stream: there is a user-mode table. A machine address has it clear.
constexpr std::uint64_t cr1_in_use = 1;

/// "vcpu 3 cr3", for a message.
std::string name_of(unsigned vcpu, const std::string& field)
{
    return "vcpu " + std::to_string(vcpu) + " " + field;
}

void require_length(std::span<const std::byte> context, unsigned vcpu, const GuestAbi& abi,
                    Errc code)
{
    if (context.size() != abi.vcpu.length_octets) {
        throw Error{code, "vcpu %u: a context of %zu octets, not %zu", vcpu, context.size(),
                    abi.vcpu.length_octets};
    }
}

/// Frames that the GDT takes.
std::uint64_t gdt_frames(std::span<const std::byte> context, unsigned vcpu, const GuestAbi& abi,
                         Errc code)
{
    const std::uint64_t entries = load_field(context, abi.vcpu.gdt_ents);
    if (entries > max_gdt_entries) {
        throw Error{code, "vcpu %u: a GDT of %" PRIu64 " entries, more than %" PRIu64, vcpu,
                    entries, max_gdt_entries};
    }
    return (entries + gdt_entries_per_frame - 1) / gdt_entries_per_frame;
}

/// The frame in a cr3, or in a cr1 without its bit 0.
std::uint64_t frame_of_cr(std::span<const std::byte> context, Field field, const GuestAbi& abi,
                          Errc code, const char* what)
{
    const std::uint64_t value = load_field(context, field);
    const std::optional<std::uint64_t> frame = abi.frame_of_cr3(value);
    if (!frame) {
        throw Error{code, "%s: %#" PRIx64 " holds no frame number", what, value};
    }
    return *frame;
}

PageType top_level(const GuestAbi& abi)
{
    return abi.levels == 4 ? PageType::l4 : PageType::l3;
}

/// The context's user-mode table, if it has that field and uses it. In a running guest any value
/// other than 0 counts.
bool uses_cr1(std::span<const std::byte> context, const GuestAbi& abi, std::uint64_t bits)
{
    return abi.has_user_cr3 && (load_field(context, element(abi.vcpu.ctrlreg, 1)) & bits) != 0;
}

}  // namespace

void normalise_vcpu_context(std::span<std::byte> context, unsigned vcpu, const GuestAbi& abi,
                            const FrameTranslator& translator)
{
    require_length(context, vcpu, abi, Errc::internal);
    const auto translate = [&](Field field, const std::string& name) {
        const Pfn pfn = translator.require_pfn(Mfn{load_field(context, field)}, name.c_str());
        store_field(context, field, pfn.number());
    };
    const auto translate_cr = [&](unsigned number, const std::string& name, std::uint64_t bits) {
        const Field field = element(abi.vcpu.ctrlreg, number);
        const Mfn mfn{frame_of_cr(context, field, abi, Errc::guest, name.c_str())};
        const Pfn pfn = translator.require_pfn(mfn, name.c_str());
        store_field(context, field, abi.cr3_of_frame(pfn.number()) | bits);
    };
    if (vcpu == 0) {
        translate(abi.vcpu.dx, name_of(vcpu, "start_info"));
    }
    const std::uint64_t nr_frames = gdt_frames(context, vcpu, abi, Errc::guest);
    for (std::uint64_t at = 0; at < nr_frames; ++at) {
        translate(element(abi.vcpu.gdt_frames, static_cast<std::size_t>(at)),
                  name_of(vcpu, "GDT frame " + std::to_string(at)));
    }
    translate_cr(3, name_of(vcpu, "cr3"), 0);
    if (uses_cr1(context, abi, ~std::uint64_t{0})) {
        translate_cr(1, name_of(vcpu, "cr1"), cr1_in_use);
    }
}

std::vector<Mfn> tables_of(std::span<const std::byte> context, const GuestAbi& abi)
{
    std::vector<Mfn> tables;
    for (const std::size_t number : {std::size_t{3}, std::size_t{1}}) {
        const std::uint64_t value = load_field(context, element(abi.vcpu.ctrlreg, number));
        const bool is_used = number == 3 || (abi.has_user_cr3 && value != 0);
        if (const auto frame = abi.frame_of_cr3(value); is_used && frame) {
            tables.emplace_back(*frame);
        }
    }
    return tables;
}

void localise_vcpu_context(std::span<std::byte> context, unsigned vcpu, const GuestAbi& abi,
                           const RestoreP2m& p2m)
{
    require_length(context, vcpu, abi, Errc::malformed);
    const auto translate = [&](Field field, const std::string& name) {
        const Pfn pfn{load_field(context, field)};
        const Mfn mfn = require_mfn(p2m, pfn, PageType::notab, name.c_str());
        store_field(context, field, mfn.number());
    };
    const auto translate_cr = [&](unsigned number, const std::string& name) {
        const Field field = element(abi.vcpu.ctrlreg, number);
        const Pfn pfn{frame_of_cr(context, field, abi, Errc::malformed, name.c_str())};
        const Mfn mfn = require_mfn(p2m, pfn, top_level(abi), name.c_str());
        store_field(context, field, abi.cr3_of_frame(mfn.number()));
    };
    if (vcpu == 0) {
        translate(abi.vcpu.dx, name_of(vcpu, "start_info"));
    }
    const std::uint64_t nr_frames = gdt_frames(context, vcpu, abi, Errc::malformed);
    for (std::uint64_t at = 0; at < nr_frames; ++at) {
        translate(element(abi.vcpu.gdt_frames, static_cast<std::size_t>(at)),
                  name_of(vcpu, "GDT frame " + std::to_string(at)));
    }
    translate_cr(3, name_of(vcpu, "cr3"));
    if (uses_cr1(context, abi, cr1_in_use)) {
        translate_cr(1, name_of(vcpu, "cr1"));
    } else if (uses_cr1(context, abi, ~cr1_in_use)) {
        // Xen would take it for a frame of this host.
        throw Error{Errc::malformed, "%s: %#" PRIx64 " without bit 0, which marks it as a pfn",
                    name_of(vcpu, "cr1").c_str(),
                    load_field(context, element(abi.vcpu.ctrlreg, 1))};
    }
    store_field(context, abi.vcpu.flags, load_field(context, abi.vcpu.flags) | vgcf_online);
}

Mfn start_info_mfn(std::span<const std::byte> context, const GuestAbi& abi)
{
    return Mfn{load_field(context, abi.vcpu.dx)};
}

Pfn start_info_pfn(std::span<const std::byte> context, const GuestAbi& abi)
{
    return Pfn{load_field(context, abi.vcpu.dx)};
}

}  // namespace sr
