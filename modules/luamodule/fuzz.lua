-- Reads all fields and writes them again; every other record fails.
function on_template_recv()
   ur_add("string TEXT,uint8* NUMBERS")
   ur_del("A")
end

function on_record_recv()
   local all = ur_get()
   for name, value in pairs(all) do
      ur_set(name, value)
   end
   ur_set("TEXT", tostring(all.SRC_IP) .. tostring(all.E), "NUMBERS", {#all.F, 300})
   if _REC_COUNT % 2 == 0 then
      error(all)
   end
end
