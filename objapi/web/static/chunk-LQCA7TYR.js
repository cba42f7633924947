import{d as r}from"./chunk-DVQHWD4M.js";var n=`searches of ${r.user.id} in ${r.site.url}`;function o(e){try{return localStorage.getItem(e)}catch{return null}}export{n as a,o as b};
