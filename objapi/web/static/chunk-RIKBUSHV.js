function n(e){let t=i=>i.name==="title"?0:i.common?2:1;return[...e].sort((i,r)=>t(i)-t(r))}export{n as a};
