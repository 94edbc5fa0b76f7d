// SPDX-License-Identifier: LGPL-2.1-or-later
// Writing a small guest by hand.
#include "tests/fuzz/small_guest.hpp"

#include "libsr/mem/guest_abi.hpp"
#include "libsr/wire/encode.hpp"
#include "libsr/wire/stream_writer.hpp"

#include <array>
#include <map>

namespace sr::fuzz {
namespace {

using namespace small_guest;

constexpr std::uint64_t read_write = 0x67;  ///< present, writable, user, accessed, dirty
constexpr std::uint64_t read_only = 0x65;
constexpr std::uint64_t present = 0x01;  ///< all that an L3 entry of a 32-bit guest may be
constexpr std::uint64_t in_kernel = 1U << 2;
constexpr std::uint64_t kernel_base_64 = 0xffff'8800'0000'0000;  ///< slot 272 of the L4
constexpr std::uint64_t kernel_base_32 = 0xc000'0000;            ///< slot 3 of the L3

/// A guest as pages and structures.
class SmallGuest {
public:
    explicit SmallGuest(GuestWidth width) : abi_{guest_abi(width)} {}

    Octets stream()
    {
        fill_tables();
        fill_start_info();
        MemorySink sink;
        StreamWriter writer{sink, DomainHeader{DomainType::x86_pv, 4, 17}};
        writer.write_record(RecordType::x86_pv_info, {octets_of(encode_pv_info(abi_.width))});
        writer.write_record(RecordType::static_data_end);
        const Pfn frames[] = {Pfn{p2m}};
        writer.write_record(RecordType::x86_pv_p2m_frames,
                            {encode_p2m_frames(Pfn{0}, Pfn{nr_pfns - 1}, abi_.width, frames)});
        write_pages(writer);
        const auto tsc = encode_tsc_info({0, 2'000'000, 1, 0});
        writer.write_record(RecordType::x86_tsc_info, {octets_of(tsc)});
        writer.write_record(RecordType::shared_info, {shared_info()});
        for (std::uint32_t vcpu = 0; vcpu < nr_vcpus; ++vcpu) {
            write_vcpu(writer, vcpu);
        }
        writer.write_record(RecordType::end);
        return sink.octets();
    }

private:
    using PageContents = std::array<std::byte, page_size>;

    [[nodiscard]] bool is_64() const { return abi_.width == GuestWidth::bits64; }

    [[nodiscard]] PageType type_of(std::uint64_t pfn) const
    {
        const std::map<std::uint64_t, PageType> special = {
            {top, is_64() ? PageType::l4_pinned : PageType::l3_pinned},
            {upper, is_64() ? PageType::l3 : PageType::l2},
            {middle, PageType::l2},
            {lowest, PageType::l1},
            {hole, PageType::xtab}};
        const auto found = special.find(pfn);
        return found == special.end() ? PageType::notab : found->second;
    }

    void set(std::uint64_t table, std::size_t slot, std::uint64_t pfn, std::uint64_t flags)
    {
        sr::store(std::span<std::byte>{pages_[table]}, slot * 8, pfn << 12 | flags);
    }

    void fill_tables()
    {
        if (is_64()) {
            set(top, 272, upper, read_write);
            set(upper, 0, middle, read_write);
            set(middle, 0, lowest, read_write);
        } else {
            set(top, 3, upper, present);
            set(top, 0, middle, present);
            set(upper, 0, lowest, read_write);
        }
        for (std::uint64_t pfn = 0; pfn < nr_pfns; ++pfn) {
            if (pfn != hole) {
                set(lowest, pfn, pfn, pfn >= top && pfn <= lowest ? read_only : read_write);
            }
        }
    }

    void fill_start_info()
    {
        const StartInfoLayout& at = abi_.start_info;
        store_field(pages_[start_info], at.nr_pages, nr_pfns);
        store_field(pages_[start_info], at.store_mfn, xenstore);
        store_field(pages_[start_info], at.console_mfn, console);
    }

    [[nodiscard]] Octets shared_info() const
    {
        Octets page(page_size);
        const SharedInfoLayout& at = abi_.shared_info;
        store_field(page, at.max_pfn, nr_pfns);
        store_field(page, at.p2m_vaddr, small_guest_base(abi_.width) + p2m * page_size);
        store_field(page, at.p2m_cr3, abi_.cr3_of_frame(top));
        return page;
    }

    void write_pages(StreamWriter& writer)
    {
        std::vector<PageEntry> entries;
        std::vector<iovec> contents;
        for (std::uint64_t pfn = 0; pfn < nr_pfns; ++pfn) {
            entries.push_back({Pfn{pfn}, type_of(pfn)});
            if (has_contents(entries.back())) {
                contents.push_back(iovec_of(std::span<const std::byte>{pages_[pfn]}));
            }
        }
        writer.write_page_data(entries, contents);
    }

    void write_vcpu(StreamWriter& writer, std::uint32_t vcpu)
    {
        Octets context(abi_.vcpu.length_octets);
        store_field(context, abi_.vcpu.flags, in_kernel | vgcf_online);
        if (vcpu == 0) {
            store_field(context, abi_.vcpu.dx, start_info);
        }
        store_field(context, element(abi_.vcpu.ctrlreg, 3), abi_.cr3_of_frame(top));
        const auto head = encode_vcpu_header(vcpu);
        writer.write_record(RecordType::x86_pv_vcpu_basic, {octets_of(head), context});
    }

    const GuestAbi& abi_;
    std::array<PageContents, nr_pfns> pages_{};
};

}  // namespace

std::uint64_t small_guest_base(GuestWidth width)
{
    return width == GuestWidth::bits64 ? kernel_base_64 : kernel_base_32;
}

Octets small_guest_stream(GuestWidth width)
{
    return SmallGuest{width}.stream();
}

}  // namespace sr::fuzz
