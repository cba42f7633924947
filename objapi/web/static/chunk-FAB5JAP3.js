function n(r){let t=i=>i.name==="title"?0:i.common?2:1;return[...r].sort((i,e)=>t(i)-t(e))}export{n as a};
