// Private data: the one place where a command names an object by a plain number, the client's id.
#include "render/client_context.h"
#include "render/handlers_gen.h"
#include "render/stream.h"

namespace hesper::render {
namespace {

// The host's number for the client's object; 0 (and the context is fatal) if there is none of that type.
std::uint64_t host_number(CommandStream& stream, const Device& device, wire::CommandType command, VkObjectType type,
                          std::uint64_t id) {
  const wire::Object object = stream.context().objects().find(id);
  const bool of_device = object.owner == 0 || object.owner == device.number;
  if (object.type != type || object.tombstone || !of_device) {
    stream.refuse(command, "The object that has the private data is unknown, or of another type or device.");
    return 0;
  }
  return object.handle;
}

}  // namespace

void on_vkSetPrivateData(CommandStream& stream, wire::vkSetPrivateData_args& args) {
  const DeviceProcs& vk = device_procs(args.device.state);
  if (vk.vkSetPrivateData == nullptr) return stream.missing(args.kType);
  if (stream.tombstone()) {
    args.ret = VK_ERROR_OUT_OF_HOST_MEMORY;
    return;
  }
  const std::uint64_t object =
      host_number(stream, device_of(args.device.state), args.kType, args.objectType, args.objectHandle);
  if (object == 0) return;
  args.ret = vk.vkSetPrivateData(args.device.handle, args.objectType, object, args.privateDataSlot.handle, args.data);
}

void on_vkGetPrivateData(CommandStream& stream, wire::vkGetPrivateData_args& args) {
  const DeviceProcs& vk = device_procs(args.device.state);
  if (vk.vkGetPrivateData == nullptr) return stream.missing(args.kType);
  if (stream.tombstone()) return;
  const std::uint64_t object =
      host_number(stream, device_of(args.device.state), args.kType, args.objectType, args.objectHandle);
  if (object == 0) return;
  vk.vkGetPrivateData(args.device.handle, args.objectType, object, args.privateDataSlot.handle, args.pData);
}

}  // namespace hesper::render
